/* spool: where a front end keeps a message while zegel-milter judges it: a file without a name in $TMPDIR or /tmp. */
#ifndef ZEGEL_FRONT_SPOOL_H
#define ZEGEL_FRONT_SPOOL_H

#include <stdio.h>

/* Borrowed: of the environment, or static. */
const char *spool_directory(void);
/* For reading and writing; closed by the caller, and then gone. NULL: no disk, no descriptor or no memory for it. */
FILE *spool_open(void);

#endif
