#include "ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

enum { WITHIN_MS = 5000, ANSWER_MAX = 16 * 1024 * 1024 };

static int connect_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(a.sun_path, path, strnlen(path, sizeof a.sun_path - 1)); /* the configuration has bounded it */
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int connect_inet(const char *name)
{
    bool six = strncmp(name, "inet6:", 6) == 0;
    uint16_t port = htons((uint16_t)strtoul(strchr(name, ':') + 1, NULL, 10));
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const void *a = six ? (const void *)&a6 : &a4;
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, a, six ? sizeof a6 : sizeof a4) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int open_any(const struct config *c, struct buf *why)
{
    for (unsigned i = 0; i < c->status.listen_count; i++) {
        const char *name = c->status.listen[i];
        int fd = strncmp(name, "unix:", 5) == 0 ? connect_unix(name + 5) : connect_inet(name);
        if (fd >= 0)
            return fd;
        buf_addf(why, "%s%s: %s", why->len == 0 ? "" : "; ", name, strerror(errno));
    }
    buf_add_str(why,
                c->status.off ? "zegel-status is switched off: status: {run: no} in the configuration" : "; does zegeld run?");
    return -1;
}

static bool read_all(int fd, struct buf *answer)
{
    int64_t deadline = clock_monotonic_ms() + WITHIN_MS;
    char room[16384];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, clock_left_ms(deadline)) <= 0 || answer->len > ANSWER_MAX)
            return false;
        ssize_t n = read(fd, room, sizeof room);
        if (n <= 0)
            return n == 0;
        buf_add(answer, bytes_of(room, (size_t)n));
    }
}

/* Where the body of an answer begins (RFC 9112 §2.1); 0 when it is not 200, or has none. */
static size_t body_of(struct bytes answer)
{
    if (!bytes_has_prefix(answer, BYTES_LIT("HTTP/1.")) ||
        !bytes_has_prefix(bytes_slice(answer, 8, answer.len), BYTES_LIT(" 200 ")))
        return 0;
    for (size_t i = 0; i + 4 <= answer.len; i++)
        if (memcmp(answer.data + i, "\r\n\r\n", 4) == 0)
            return i + 4;
    return 0;
}

int ask(const struct config *c, const char *path, struct buf *body, struct buf *why)
{
    struct buf request = BUF_INIT, answer = BUF_INIT;
    int fd = open_any(c, why);
    if (fd < 0)
        return c->status.off ? ZEGEL_ERR_CONFIG : ZEGEL_ERR_CLOSED;
    buf_addf(&request, "GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    bool ok = send(fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t)request.len && read_all(fd, &answer);
    (void)close(fd);
    size_t from = ok && !answer.failed ? body_of(buf_bytes(&answer)) : 0;
    ok = from > 0;
    if (ok)
        buf_add(body, bytes_slice(buf_bytes(&answer), from, answer.len));
    else
        buf_add_str(why, "zegel-status gave no answer; see the log of zegeld");
    buf_free(&request);
    buf_free(&answer);
    return ok && !body->failed ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}
