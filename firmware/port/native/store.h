/* store: the medium of the native port, a file. */
#ifndef ZEGEL_NATIVE_STORE_H
#define ZEGEL_NATIVE_STORE_H

/* Makes the file when there is none. Prints why and exits (2) when it cannot be used, or another process uses it. */
void store_open(const char *path);

#endif
