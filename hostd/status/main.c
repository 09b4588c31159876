/* zegel-status: tells how things are.
 *
 * Purpose: the figures that the other processes count, as Prometheus metrics, JSON and a page to look at.
 * Security: no mail, no token, no PIN, no DNS; reads the pages and the configuration, writes nothing, opens no socket. Only this
 * machine can ask. Mail goes on without it.
 * Diagnostics: standard error; exits 0 when the supervisor is gone, 78 when it was not given what it needs. */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/control.h"
#include "sandbox/sandbox.h"
#include "status/http.h"

enum { CONFIG_MAX = 256 * 1024 * 1024, SOCKETS_MAX = 8, WAIT_MS = 1000 };

struct status {
    struct book book;
    struct {
        int fd;
        bool loopback;
    } sockets[SOCKETS_MAX]; /* to be served */
    struct http *http[SOCKETS_MAX];
    unsigned sockets_count;
    bool serving;
};

static bool take_config(struct status *s, int fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    bool ok = io_read_fd(fd, "configuration", CONFIG_MAX, &yaml, &why) == ZEGEL_OK &&
              config_parse("configuration", buf_bytes(&yaml), &c, &why) == ZEGEL_OK;
    if (ok)
        book_set_config(&s->book, c);
    else
        log_error("%s", buf_cstr(&why));
    buf_free(&yaml);
    buf_free(&why);
    return ok;
}

/* From here on: the sockets there are, and the files that zegel check leaves for us. */
static bool serve(struct status *s)
{
    struct sandbox sandbox = {.profile = SANDBOX_STATUS, .landlock_optional = s->book.config->landlock_optional};
    struct buf why = BUF_INIT, left = BUF_INIT;
    buf_addf(&left, "%s/status", s->book.config->state);
    sandbox.read[sandbox.read_count++] = buf_cstr(&left);
    bool ok = sandbox_apply(&sandbox, &why) == ZEGEL_OK;
    if (!ok)
        log_error("%s", buf_cstr(&why));
    for (unsigned i = 0; ok && i < s->sockets_count; i++)
        ok = (s->http[i] = http_new(&s->book, s->sockets[i].fd, s->sockets[i].loopback)) != NULL;
    buf_free(&why);
    buf_free(&left);
    s->serving = ok;
    return ok;
}

/* False: the process ends with *status. */
static bool take_control(struct status *s, int *status)
{
    struct control c;
    int err = control_recv(CONTROL_FD, &c);
    *status = err == ZEGEL_ERR_CLOSED ? EX_OK : EX_CONFIG;
    if (err != ZEGEL_OK)
        return err != ZEGEL_ERR_CLOSED;
    if (c.kind == CONTROL_LISTEN && s->sockets_count < SOCKETS_MAX && !s->serving) {
        s->sockets[s->sockets_count].fd = c.fd;
        s->sockets[s->sockets_count++].loopback = strncmp(c.name, "unix:", 5) != 0;
        return true;
    }
    if (c.kind == CONTROL_FIGURES)
        book_add(&s->book, c.name, c.fd);
    bool ok = c.kind != CONTROL_CONFIG || take_config(s, c.fd) || s->serving;
    if (c.fd >= 0)
        (void)close(c.fd);
    if (ok && c.kind == CONTROL_CONFIG && !s->serving)
        ok = serve(s);
    return ok && (!s->serving || control_answer(&c) == ZEGEL_OK);
}

/* One turn; false as take_control. */
static bool turn(struct status *s, int *status)
{
    fd_set read, write;
    int most = CONTROL_FD;
    int64_t wait_ms = WAIT_MS;
    FD_ZERO(&read);
    FD_ZERO(&write);
    FD_SET(CONTROL_FD, &read);
    for (unsigned i = 0; s->serving && i < s->sockets_count; i++)
        http_wait(s->http[i], &read, &write, &most, &wait_ms);
    struct timeval timeout = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    if (select(most + 1, &read, &write, NULL, &timeout) < 0)
        return true; /* EINTR */
    bool heard = FD_ISSET(CONTROL_FD, &read);
    for (unsigned i = 0; s->serving && i < s->sockets_count; i++)
        http_serve(s->http[i], &read, &write);
    if (heard && !take_control(s, status))
        return false;
    if (s->serving)
        book_tick(&s->book, clock_monotonic_ms());
    return true;
}

int main(void)
{
    static struct status s;
    int status = EX_OK;
    log_open("zegel-status", LOG_LEVEL_INFO);
    while (turn(&s, &status))
        ;
    return status;
}
