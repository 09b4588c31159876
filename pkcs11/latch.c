#include "pkcs11/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static const char trying[] = "trying\n", rejected[] = "rejected\n";

static bool path_of(const char *dir, const char *token_name, const char *suffix, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s/%s%s", dir, token_name, suffix);
    return n > 0 && (size_t)n < cap;
}

enum latch_state latch_read(const char *dir, const char *token_name)
{
    char path[4096], text[16];
    if (!path_of(dir, token_name, ".latch", path, sizeof path))
        return LATCH_REJECTED;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? LATCH_OPEN : LATCH_REJECTED;
    ssize_t n = read(fd, text, sizeof text);
    (void)close(fd);
    return n == (ssize_t)strlen(trying) && memcmp(text, trying, (size_t)n) == 0 ? LATCH_TRYING : LATCH_REJECTED;
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;
    bool ok = n == (ssize_t)strlen(text) && fsync(fd) == 0;
    if (n >= 0 && n < (ssize_t)strlen(text))
        errno = ENOSPC; /* there was room for a part */
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok;
}

/* No PIN goes out before the latch is on disk: so this is what every caller may say. */
static void cannot_be_written(const char *dir, const char *token_name, const char *suffix, struct buf *why)
{
    buf_addf(
        why,
        "PIN latch %s/%s%s: cannot be written: %s; no PIN was sent to the token; free space in %s or mend its permissions, then "
        "try again",
        dir, token_name, suffix, strerror(errno), dir);
}

int latch_lock(const char *dir, const char *token_name, struct buf *why)
{
    char path[4096] = "";
    int fd = -1, done = -1;
    if ((mkdir(dir, 0700) == 0 || errno == EEXIST) && path_of(dir, token_name, ".lock", path, sizeof path))
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)fchmod(fd, 0666); /* root's tool may have made it for the daemon; the directory is what keeps others out */
        do
            done = flock(fd, LOCK_EX);
        while (done != 0 && errno == EINTR);
    }
    if (done == 0)
        return fd;
    cannot_be_written(dir, token_name, ".lock", why);
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

int latch_write(const char *dir, const char *token_name, enum latch_state state, struct buf *why)
{
    char path[4096], fresh[4096];
    bool ok =
        path_of(dir, token_name, ".latch", path, sizeof path) && path_of(dir, token_name, ".latch.new", fresh, sizeof fresh);
    if (!ok)
        errno = ENAMETOOLONG;
    if (ok && mkdir(dir, 0700) != 0 && errno != EEXIST)
        ok = false;
    if (ok && state == LATCH_OPEN)
        ok = unlink(path) == 0 || errno == ENOENT;
    else if (ok)
        ok = write_file(fresh, state == LATCH_TRYING ? trying : rejected) && rename(fresh, path) == 0;
    if (ok && sync_dir(dir))
        return ZEGEL_OK;
    cannot_be_written(dir, token_name, ".latch", why);
    return ZEGEL_ERR_SYSTEM;
}
