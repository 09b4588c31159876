#include "supervisor/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static bool refuse(const char *state, const char *name, const char *reason)
{
    log_error("state: %s%s%s: %s", state, name[0] == '\0' ? "" : "/", name, reason);
    return false;
}

static bool is_ours_or_roots(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

/* The state directory itself, open; -1: said in the log. Where root runs us, only one user may be able to write it. */
static int open_state(const char *state)
{
    struct stat st;
    int fd = mkdir(state, 0711) == 0 || errno == EEXIST ? open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0 && fstat(fd, &st) == 0 && (geteuid() != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) == 0))
        return fd;
    (void)refuse(state, "", fd < 0 ? strerror(errno) : "others than its owner can write it; chmod go-w");
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* One directory in it that belongs to `user`. What stands there already must be a directory, no link, and belong to us or to that
 * user: whoever was there before gets nothing of ours, and nothing of others is given away. */
static bool make_dir(int at, const char *state, const char *name, mode_t mode, const char *user)
{
    struct passwd *pw = user == NULL || geteuid() != 0 ? NULL : getpwnam(user);
    struct stat st;
    if (user != NULL && geteuid() == 0 && pw == NULL) {
        log_error("users: %s: no such user", user);
        return false;
    }
    if (mkdirat(at, name, mode) != 0 && errno != EEXIST)
        return refuse(state, name, strerror(errno));
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return refuse(state, name, errno == ENOTDIR || errno == ELOOP ? "is no directory" : strerror(errno));
    bool known = fstat(fd, &st) == 0 && (is_ours_or_roots(&st) || (pw != NULL && st.st_uid == pw->pw_uid));
    bool given = known && (pw == NULL || fchown(fd, pw->pw_uid, pw->pw_gid) == 0);
    if (!given)
        (void)refuse(state, name, known ? strerror(errno) : "belongs to somebody else");
    (void)close(fd);
    return given;
}

bool statedir_make(const struct config *c)
{
    int at = open_state(c->state);
    bool ok =
        at >= 0 && make_dir(at, c->state, "audit", 0700, c->users.signer) && make_dir(at, c->state, "pin", 0700, c->users.token);
    if (ok) /* what zegel check leaves there is only shown: mail does not wait for it, whoever has it */
        (void)make_dir(at, c->state, "status", 0755, c->users.status);
    if (at >= 0)
        (void)close(at);
    return ok;
}
