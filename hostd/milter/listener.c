#include "milter/listener.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/stream.h"

static struct {
    pthread_mutex_t lock;
    int fd;        /* -1: none yet */
    bool draining; /* from here on under the lock */
    unsigned connections;
    bool is_connection[LISTENER_FDS_MAX];
} listener = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void listener_set(int fd)
{
    listener.fd = fd;
    stream_listener(fd);
}

bool listener_is_set(void)
{
    return listener.fd >= 0;
}

const char *listener_conn(void)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;
    (void)getsockname(listener.fd, (struct sockaddr *)&a, &len);
    return a.ss_family == AF_UNIX ? "unix:/nonexistent" : a.ss_family == AF_INET6 ? "inet6:1@::1" : "inet:1@127.0.0.1";
}

/* Lock held. Nothing is left to be flushed or waited for: what the MTA was told is on its way, and the signer asks nothing back.
 */
static void end_if_drained(void)
{
    if (listener.draining && listener.connections == 0)
        _exit(EX_OK);
}

void listener_drain(void)
{
    pthread_mutex_lock(&listener.lock);
    listener.draining = true;
    end_if_drained();
    pthread_mutex_unlock(&listener.lock);
}

/* ---- as libmilter calls them ---- */

int socket(int domain, int type, int protocol)
{
    (void)domain;
    (void)type;
    (void)protocol;
    return listener.fd; /* this process opens no other */
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)address;
    (void)len;
    return fd == listener.fd ? 0 : -1;
}

int listen(int fd, int backlog)
{
    (void)backlog;
    return fd == listener.fd ? 0 : -1;
}

/* Another process may have been quicker than we after poll(): the socket does not block, and libmilter polls again. */
int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
    pthread_mutex_lock(&listener.lock);
    while (listener.draining) { /* for good, and with libmilter's own lock on the socket, which nobody else wants */
        pthread_mutex_unlock(&listener.lock);
        (void)poll(NULL, 0, -1);
        pthread_mutex_lock(&listener.lock);
    }
    int got = accept4(fd, address, len, SOCK_CLOEXEC);
    if (got >= 0 && got < LISTENER_FDS_MAX) {
        listener.is_connection[got] = true;
        listener.connections++;
        stream_open(got);
    }
    pthread_mutex_unlock(&listener.lock);
    return got;
}

int close(int fd)
{
    pthread_mutex_lock(&listener.lock);
    bool connection = fd >= 0 && fd < LISTENER_FDS_MAX && listener.is_connection[fd];
    if (connection)
        stream_close(fd);
    int result = (int)syscall(SYS_close, fd);
    if (connection) {
        listener.is_connection[fd] = false;
        listener.connections--;
        end_if_drained();
    }
    pthread_mutex_unlock(&listener.lock);
    return result;
}
