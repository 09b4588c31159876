#include "sandbox/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

enum { NOFILE_MAX = 8192 };

static int limit(int resource, rlim_t value, const char *name, struct buf *why)
{
    struct rlimit now, wanted = {.rlim_cur = value, .rlim_max = value};
    if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && wanted.rlim_max > now.rlim_max)
        wanted.rlim_cur = wanted.rlim_max = now.rlim_max; /* lower already */
    if (setrlimit((__rlimit_resource_t)resource, &wanted) == 0)
        return ZEGEL_OK;
    buf_addf(why, "sandbox: %s: %s", name, strerror(errno));
    return ZEGEL_ERR_SYSTEM;
}

/* RLIMIT_NPROC counts threads too, of all processes of the user: fork is what seccomp and its absence of exec stop. */
static int limits(const struct sandbox *s, struct buf *why)
{
    int err = limit(RLIMIT_CORE, 0, "RLIMIT_CORE", why);
    if (err == ZEGEL_OK)
        err = limit(RLIMIT_NOFILE, NOFILE_MAX, "RLIMIT_NOFILE", why);
    struct stat st; /* a log that is a file must go on growing */
    if (err == ZEGEL_OK && s->profile == SANDBOX_MILTER && fstat(STDERR_FILENO, &st) == 0 && !S_ISREG(st.st_mode))
        err = limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE", why);
    return err;
}

#ifdef ZEGEL_SANITIZED
static const bool sanitized = true; /* sanitizers read files, map everything and start helpers at the end */
#else
static const bool sanitized = false;
#endif

int sandbox_apply(const struct sandbox *s, struct buf *why)
{
    if (sanitized)
        return ZEGEL_OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        buf_addf(why, "sandbox: prctl: %s", strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    int err = limits(s, why);
    if (err == ZEGEL_OK)
        err = landlock_apply(s, why);
    if (err == ZEGEL_ERR_NOT_FOUND && s->landlock_optional) {
        log_warn("%s", buf_cstr(why));
        buf_clear(why);
        err = ZEGEL_OK;
    }
    return err == ZEGEL_OK ? seccomp_apply(s->profile, why) : ZEGEL_ERR_SYSTEM;
}
