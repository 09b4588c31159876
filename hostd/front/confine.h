/* confine: a front end shuts itself in before it reads its first line from outside. What is left: sockets of this machine, files
 * in spool_directory(), threads, and reading below one directory more. */
#ifndef ZEGEL_FRONT_CONFINE_H
#define ZEGEL_FRONT_CONFINE_H

#include <stdbool.h>

/* `readable`: a directory, or NULL. False: it did not work, the log says why, and no message may be touched. A kernel without
 * Landlock is no reason: the MTA has chosen our user, and seccomp stands. */
bool confine(const char *readable);

#endif
