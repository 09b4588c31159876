/* store: the block store of the native port, a file; and, for tests, power that fails at a write of one's choice. */
#ifndef ZEGEL_NATIVE_STORE_H
#define ZEGEL_NATIVE_STORE_H

#include <stdint.h>

/* Makes the file when there is none. Prints why and exits (2) when it cannot be used, or another process uses it. */
void store_open(const char *path);
/* Power fails at the `write`-th write from now (1 is the next): of the writes since the last flush each is kept, lost or torn, as
 * the bits of `chance` will have it, and the process ends at once with status 99. */
void store_cut(uint64_t write, uint64_t chance);

#endif
