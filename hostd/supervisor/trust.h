/* trust: where root runs us, nobody else may be able to write what decides about us. Where another user does, all is well. */
#ifndef ZEGEL_SUPERVISOR_TRUST_H
#define ZEGEL_SUPERVISOR_TRUST_H

#include <stdbool.h>

/* This file, and each directory on the way to it. One that is not there is fine. False: said in the log. */
bool trust_file(const char *path);
/* The files and directories from which the environment has libraries and their configuration come: no process of ours shall
 * begin with what somebody left in a directory that root's shell has in LD_LIBRARY_PATH. False: said in the log. */
bool trust_environment(void);

#endif
