#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

int io_pair(int fds[2])
{
    int room = 4 * IO_PACKET_MAX;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return ZEGEL_ERR_SYSTEM;
    for (int i = 0; i < 2; i++)
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room); /* less is slower, not wrong */
    return ZEGEL_OK;
}

/* What may pass by itself: the peer is still there, and a socket that is given up is never asked for again. */
static bool may_pass(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM || error == EIO;
}

int io_send(int fd, struct bytes packet, int pass)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)packet.data, .iov_len = packet.len};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.room = {0}};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (pass >= 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof control.room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof pass);
        memcpy(CMSG_DATA(c), &pass, sizeof pass);
    }
    ssize_t n;
    do
        n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return ZEGEL_OK;
    return may_pass(errno) ? ZEGEL_ERR_BUSY : ZEGEL_ERR_CLOSED;
}

int io_send_wait(int fd, struct bytes packet, int pass, int64_t deadline_ms)
{
    for (;;) {
        int err = io_send(fd, packet, pass);
        if (err != ZEGEL_ERR_BUSY)
            return err;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int left = clock_left_ms(deadline_ms);
        if (left == 0)
            return ZEGEL_ERR_TIMEOUT;
        (void)poll(&p, 1, left);
    }
}

/* The descriptor that came with a packet, or -1. More than one is nothing we ever send: none is kept, or a hostile peer could
 * fill our table. The kernel has dropped those that found no room. */
static int take_passed(struct msghdr *msg)
{
    int got = -1;
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof got <= c->cmsg_len; at += sizeof got, count++) {
            if (got >= 0)
                (void)close(got);
            memcpy(&got, (uint8_t *)c + at, sizeof got);
        }
    }
    if (count < 2)
        return got;
    (void)close(got);
    return -1;
}

static int receive(int fd, int flags, void *packet, size_t cap, size_t *len, int *passed)
{
    struct iovec iov = {.iov_base = packet, .iov_len = cap};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n;
    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return may_pass(errno) ? ZEGEL_ERR_BUSY : ZEGEL_ERR_CLOSED;
    int got = take_passed(&msg);
    if (n > 0 && passed != NULL)
        *passed = got;
    else if (got >= 0)
        (void)close(got); /* nobody asked for one */
    if (n == 0)
        return ZEGEL_ERR_CLOSED;
    *len = (size_t)n;
    return msg.msg_flags & MSG_TRUNC ? ZEGEL_ERR_TOO_BIG : ZEGEL_OK;
}

int io_recv(int fd, void *packet, size_t cap, size_t *len, int *passed)
{
    return receive(fd, 0, packet, cap, len, passed);
}

int io_recv_now(int fd, void *packet, size_t cap, size_t *len)
{
    return receive(fd, MSG_DONTWAIT, packet, cap, len, NULL);
}

int io_wait(int fd, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do
        n = poll(&p, 1, clock_left_ms(deadline_ms));
    while (n < 0 && errno == EINTR);
    return n > 0 ? ZEGEL_OK : ZEGEL_ERR_TIMEOUT;
}

/* What a call on a stream that returned `n` means: ZEGEL_OK when it may be repeated. */
static int go_on(int fd, ssize_t n, short events, int64_t deadline_ms)
{
    if (n > 0 || (n < 0 && errno == EINTR))
        return ZEGEL_OK;
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? io_wait(fd, events, deadline_ms) : ZEGEL_ERR_CLOSED;
}

int io_send_all(int fd, struct bytes data, int64_t deadline_ms)
{
    int err = ZEGEL_OK;
    while (data.len > 0 && err == ZEGEL_OK) {
        ssize_t n = send(fd, data.data, data.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        err = go_on(fd, n, POLLOUT, deadline_ms);
        data = bytes_slice(data, n > 0 ? (size_t)n : 0, data.len);
    }
    return err;
}

int io_recv_all(int fd, void *data, size_t len, int64_t deadline_ms)
{
    int err = ZEGEL_OK;
    for (size_t at = 0; at < len && err == ZEGEL_OK;) {
        ssize_t n = recv(fd, (uint8_t *)data + at, len - at, MSG_DONTWAIT);
        err = go_on(fd, n, POLLIN, deadline_ms);
        at += n > 0 ? (size_t)n : 0;
    }
    return err;
}

int io_read_fd(int fd, const char *name, size_t max, struct buf *content, struct buf *why)
{
    for (off_t at = 0;;) {
        if (content->len > max || !buf_reserve(content, 65536)) {
            buf_addf(why, "%s: larger than %zu octets", name, max);
            return ZEGEL_ERR_TOO_BIG;
        }
        ssize_t n = pread(fd, content->data + content->len, content->cap - content->len, at);
        if (n < 0 && errno == ESPIPE)
            n = read(fd, content->data + content->len, content->cap - content->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            buf_addf(why, "%s: %s", name, strerror(errno));
            return ZEGEL_ERR_SYSTEM;
        }
        if (n == 0)
            return ZEGEL_OK;
        content->len += (size_t)n;
        at += n;
    }
}

int io_read_file(const char *path, size_t max, struct buf *content, struct buf *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not make us wait */
    int err;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        buf_addf(why, "%s: %s", path, fd < 0 ? strerror(errno) : "not a regular file");
        err = ZEGEL_ERR_SYSTEM;
    } else {
        err = io_read_fd(fd, path, max, content, why);
    }
    if (fd >= 0)
        (void)close(fd);
    return err;
}

bool io_write(int fd, struct bytes content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* it says nothing, and would say so for ever */
        if (n <= 0)
            return false;
        content = bytes_slice(content, (size_t)n, content.len);
    }
    return true;
}

/* Into a new file beside it, which then takes its name; its directory is opened once, so that both are in the same one. */
static bool replace_in(int dir, const char *name, unsigned mode, struct bytes content)
{
    char fresh[64];
    (void)snprintf(fresh, sizeof fresh, ".zegel-%ld-%lld.tmp", (long)getpid(), (long long)clock_monotonic_ms());
    int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = io_write(fd, content) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && renameat(dir, fresh, dir, name) == 0;
    int error = errno;
    if (!ok)
        (void)unlinkat(dir, fresh, 0);
    ok = ok && fsync(dir) == 0;
    errno = ok ? 0 : error;
    return ok;
}

int io_replace_file(const char *path, unsigned mode, struct bytes content, struct buf *why)
{
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    char *dirname = slash == NULL ? strdup(".") : strndup(path, (size_t)(name - path));
    int dir = dirname == NULL ? -1 : open(dirname, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    bool there = dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0, ok = false;
    if (there && !S_ISREG(st.st_mode))
        buf_addf(why, "%s: is there and is not a regular file; name another one", path);
    else if (dir < 0 || (!there && errno != ENOENT) || !replace_in(dir, name, mode, content))
        buf_addf(why, "%s: cannot be written: %s", path, strerror(errno));
    else
        ok = true;
    if (dir >= 0)
        (void)close(dir);
    free(dirname);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

int io_write_new(const char *path, struct bytes content, struct buf *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && io_write(fd, content) && fsync(fd) == 0;
    if (!ok)
        buf_addf(why, "%s: %s", path, strerror(errno));
    if (fd >= 0 && !ok)
        (void)unlink(path);
    if (fd >= 0)
        (void)close(fd);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

int io_memfd(const char *name, struct bytes content)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 &&
        (!io_write(fd, content) || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int io_pipe_with(struct bytes content)
{
    int ends[2];
    if (content.len > PIPE_BUF || pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    bool ok = io_write(ends[1], content);
    (void)close(ends[1]);
    if (ok)
        return ends[0];
    (void)close(ends[0]);
    return -1;
}
