/* seccomp: the system calls of each profile. */
#ifndef ZEGEL_SANDBOX_SECCOMP_H
#define ZEGEL_SANDBOX_SECCOMP_H

#include "sandbox/sandbox.h"

int seccomp_apply(enum sandbox_profile profile, struct buf *why);

#endif
