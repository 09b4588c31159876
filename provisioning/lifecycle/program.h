/* program: somebody else's program, run without a shell, with an environment of its own, for at most a minute. */
#ifndef ZEGEL_LIFECYCLE_PROGRAM_H
#define ZEGEL_LIFECYCLE_PROGRAM_H

#include "base/buf.h"

/* argv[0] is an absolute path, of a file that belongs to root or to us and that nobody else may write, nor a directory above it.
 * `input` is its standard input; what it prints on standard error is said, up to its first line break, when it fails. ZEGEL_OK:
 * it exited with 0; ZEGEL_ERR_REFUSED: with anything else; ZEGEL_ERR_TIMEOUT: it and its children were ended; ZEGEL_ERR_SYSTEM.
 */
int program_run(const char *const *argv, struct bytes input, struct buf *why);

#endif
