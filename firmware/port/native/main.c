/* zegel-token-native: the token as a process, for development, tests and fuzzing.
 *
 * Security: none beyond the file mode of the store; a machine's process is no secure element. Not for keys that sign real mail.
 * Diagnostics: standard error. Exit status: 0 the reader is gone, 2 usage or connection, 98 panic, 99 the power cut asked for. */
#include "crypto.h"
#include "hal.h"
#include "port/blocks.h"
#include "port/native/store.h"
#include "port/vpcd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int usage(void)
{
    fputs("usage: zegel-token-native STORE HOST PORT [CUT [CHANCE]]\n"
          "  plays a card with its memory in STORE for the vpcd that listens on HOST PORT\n"
          "  CUT     power fails at this write of a block (tests)\n"
          "  CHANCE  its bits say which of the writes under way are kept, lost or torn\n",
          stderr);
    return 2;
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    int fd = -1, on = 1, error = getaddrinfo(host, port, &hints, &list);

    if (error != 0) {
        fprintf(stderr, "zegel-token-native: %s %s: %s\n", host, port, gai_strerror(error));
        return -1;
    }
    for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        fprintf(stderr, "zegel-token-native: no vpcd at %s %s: %s\n", host, port, strerror(errno));
    else
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* vpcd writes length and body apart: without the quick acknowledgement, asked for anew after each read, Nagle and delayed ACK
 * cost 40 ms. */
static ssize_t receive(int fd, uint8_t *data, size_t cap)
{
    int on = 1;
    ssize_t n = recv(fd, data, cap, 0);

    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return n;
}

static bool send_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void serve(int fd)
{
    static struct vpcd v;
    uint8_t data[4096];

    vpcd_init(&v);
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (poll(&wait, 1, 500) == 0) {
            token_idle();
            continue;
        }
        n = receive(fd, data, sizeof data);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        for (ssize_t i = 0; i < n; i++) {
            size_t len = vpcd_octet(&v, data[i]);

            if (len > 0 && !send_all(fd, v.reply, len))
                return;
        }
    }
}

int main(int argc, char **argv)
{
    int fd;

    if (argc < 4 || argc > 6)
        return usage();
    store_open(argv[1]);
    if (argc > 4)
        blocks_cut(strtoull(argv[4], NULL, 10), argc > 5 ? strtoull(argv[5], NULL, 10) : 0);
    if (crypto_init() != CRYPTO_OK)
        hal_panic("crypto does not pass its known-answer tests");
    if (token_boot() != 0)
        hal_panic("the store cannot be read, or is not of this token");
    hal_log(hal_version());
    fd = connect_to(argv[2], argv[3]);
    if (fd < 0)
        return 2;
    hal_log("ready");
    serve(fd);
    close(fd);
    return 0;
}
