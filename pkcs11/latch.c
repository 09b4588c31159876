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
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok;
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
    buf_addf(why, "PIN latch %s: %s; without it no PIN is sent", path, strerror(errno));
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
    buf_addf(why, "PIN latch %s/%s.latch: %s; without it no PIN is sent", dir, token_name, strerror(errno));
    return ZEGEL_ERR_SYSTEM;
}
