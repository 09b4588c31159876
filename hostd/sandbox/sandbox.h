/* sandbox: what a process may still do once it has what it needs. Applied by itself, after its set-up and before the first
 * byte from outside: no new privileges, not dumpable, resource limits, Landlock, seccomp. All or nothing. */
#ifndef ZEGEL_SANDBOX_H
#define ZEGEL_SANDBOX_H

#include "base/buf.h"

enum sandbox_profile {
    SANDBOX_MILTER,        /* kill: sockets it has, threads, memory; no file, no new socket */
    SANDBOX_SIGNER,        /* kill: the same, and writes to the audit log it has open */
    SANDBOX_STATUS,        /* kill: the sockets it has, and files to read where it was told */
    SANDBOX_FRONT,         /* kill: AF_UNIX sockets, and files where it was told (spooled messages) */
    SANDBOX_RESOLVER,      /* EPERM, libunbound: sockets of the Internet, files to read */
    SANDBOX_TOKEN_LOCAL,   /* EPERM, vendor code: files, no socket (SoftHSM) */
    SANDBOX_TOKEN_PCSC,    /* EPERM: files and AF_UNIX (OpenSC through pcscd) */
    SANDBOX_TOKEN_NETWORK, /* EPERM: files, AF_UNIX, AF_INET, AF_INET6 (network HSMs) */
};

enum { SANDBOX_PATHS_MAX = 32 };

struct sandbox {
    enum sandbox_profile profile;
    bool landlock_optional;              /* landlock: optional, for kernels that have none (before 5.13, or not enabled) */
    const char *read[SANDBOX_PATHS_MAX]; /* directories and files that may be read; those that do not exist are skipped */
    unsigned read_count;
    const char *write[SANDBOX_PATHS_MAX]; /* directories in which files may be made, changed and removed */
    unsigned write_count;
};

/* ZEGEL_OK, or ZEGEL_ERR_SYSTEM with the layer that failed in `why`: then the process must not go on. */
int sandbox_apply(const struct sandbox *s, struct buf *why);

#endif
