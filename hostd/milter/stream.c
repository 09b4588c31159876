#include "milter/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "milter/listener.h"

enum { AHEAD = 8192 };

/* Held only while something is left: an idle connection costs no memory. */
struct left {
    size_t from, to;
    char data[AHEAD];
};

static struct {
    _Atomic bool is_connection;
    _Atomic(struct left *) left;
} streams[LISTENER_FDS_MAX];

static int listening = -1;
static _Atomic bool served;

void stream_listener(int fd)
{
    listening = fd;
}

bool stream_is_served(void)
{
    return atomic_load(&served);
}

void stream_open(int fd)
{
    atomic_store(&streams[fd].is_connection, true);
}

void stream_close(int fd)
{
    atomic_store(&streams[fd].is_connection, false);
    free(atomic_exchange(&streams[fd].left, NULL));
}

static bool is_stream(int fd)
{
    return fd >= 0 && fd < LISTENER_FDS_MAX && atomic_load_explicit(&streams[fd].is_connection, memory_order_relaxed);
}

static ssize_t take(int fd, struct left *l, void *data, size_t len)
{
    size_t n = l->to - l->from < len ? l->to - l->from : len;
    memcpy(data, l->data + l->from, n);
    l->from += n;
    if (l->from == l->to) {
        atomic_store(&streams[fd].left, NULL);
        free(l);
    }
    return (ssize_t)n;
}

/* Fetches what there is. As read() of the whole room: 0 at the end of the connection, which the next read() says again. */
static ssize_t fetch(int fd)
{
    struct left *l = malloc(sizeof *l);
    if (l == NULL)
        return -1;
    ssize_t n = (ssize_t)syscall(SYS_read, fd, l->data, sizeof l->data);
    if (n <= 0) {
        int saved = errno;
        free(l);
        errno = saved;
        return n;
    }
    l->from = 0;
    l->to = (size_t)n;
    atomic_store(&streams[fd].left, l);
    return n;
}

/* ---- as libmilter calls them ---- */

ssize_t read(int fd, void *data, size_t len)
{
    if (!is_stream(fd))
        return (ssize_t)syscall(SYS_read, fd, data, len);
    struct left *l = atomic_load(&streams[fd].left);
    if (l == NULL && len >= AHEAD)
        return (ssize_t)syscall(SYS_read, fd, data, len);
    if (l == NULL) {
        ssize_t n = fetch(fd);
        if (n <= 0)
            return n;
        l = atomic_load(&streams[fd].left);
    }
    return take(fd, l, data, len);
}

/* Those with something left are ready at once; the others are asked when there are none. libmilter's threads wait for one
 * connection at a time, first for a moment and then for long: what has come is fetched with the first, so that the second need
 * not ask. (Its controller waits for many, and reads none of them.) */
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        bool left = (fds[i].events & POLLIN) != 0 && is_stream(fds[i].fd) && atomic_load(&streams[fds[i].fd].left) != NULL;
        fds[i].revents = left ? POLLIN : 0;
        if (i == 0 && fds[i].fd != listening && !is_stream(fds[i].fd)) /* the first of its controller is a pipe */
            atomic_store_explicit(&served, true, memory_order_relaxed);
        ready += left;
    }
    if (ready > 0)
        return ready;
    ready = (int)syscall(SYS_poll, fds, count, timeout);
    if (ready == 1 && count == 1 && fds[0].revents == POLLIN && is_stream(fds[0].fd))
        (void)fetch(fds[0].fd);
    return ready;
}

/* The same as a library calls them that was built with _FORTIFY_SOURCE and reads into arrays. */

ssize_t __read_chk(int fd, void *data, size_t len, size_t room); /* NOLINT(*-reserved-identifier): glibc's names */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);

ssize_t __read_chk(int fd, void *data, size_t len, size_t room)
{
    if (len > room)
        abort();
    return read(fd, data, len);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    if (count > room / sizeof *fds)
        abort();
    return poll(fds, count, timeout);
}
