#include "signer/signer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "figures/figures.h"
#include "signer/dispatch.h"
#include "signer/intake.h"
#include "signer/release.h"

enum {
    PREVIOUS_CONFIG_MS = 60000,
    BATCH_MAX = 64, /* packets taken from one socket before others have their turn */
    CEILINGS_EVERY_MS = 1000,
    CEILINGS_FILE_MAX = 64 * 1024 * 1024,
    POLL_MAX = 2 + MILTERS_MAX + WORKERS_TOKENS_MAX * CONFIG_WORKERS_MAX,
};

/* ---- what today's ceilings have counted, over a restart ---- */

static void load_ceilings(struct signer *s)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    if (audit_side_read(s->audit, "ceilings", CEILINGS_FILE_MAX, &text, &why) == ZEGEL_OK)
        ceilings_parse(s->ceilings, buf_bytes(&text));
    buf_free(&text);
    buf_free(&why);
}

static void save_ceilings(struct signer *s)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    int64_t now = clock_monotonic_ms();
    if (!ceilings_changed(s->ceilings) || now < s->ceilings_save_ms)
        return;
    s->ceilings_save_ms = now + CEILINGS_EVERY_MS;
    ceilings_print(s->ceilings, &text);
    if (audit_side_write(s->audit, "ceilings", buf_bytes(&text), &why) != ZEGEL_OK)
        log_error("%s: today's counts of signatures would be lost with a restart", buf_cstr(&why));
    buf_free(&text);
    buf_free(&why);
}

struct signer *signer_new(struct audit *audit, const char *origin)
{
    struct signer *s = calloc(1, sizeof *s);
    struct buf why = BUF_INIT;
    if (s == NULL || (s->ceilings = ceilings_new()) == NULL || keyring_load(&s->keys, audit, &why) != ZEGEL_OK) {
        log_error("%s", why.len == 0 ? "out of memory" : buf_cstr(&why));
        buf_free(&why);
        free(s);
        return NULL;
    }
    s->audit = audit;
    long processors = sysconf(_SC_NPROCESSORS_ONLN); /* as a worker's sessions: auto */
    s->processors = processors > 2 ? (unsigned)processors : 2;
    checkpoint_init(&s->checkpoint, origin);
    s->last = &s->first;
    load_ceilings(s);
    figures_set(FIGURE_QUARANTINED, 0); /* the page is older than this process */
    return s;
}

/* ---- the loop ---- */

void signer_set_previous(struct signer *s, struct config *c)
{
    config_free(s->previous);
    s->previous = c;
    s->previous_until_ms = clock_monotonic_ms() + PREVIOUS_CONFIG_MS;
}

void signer_set_config(struct signer *s, struct config *c)
{
    signer_set_previous(s, s->config);
    s->config = c;
}

static unsigned find_front_end(struct signer *s, const char *listen)
{
    for (unsigned i = 0; i < s->front_ends_count; i++)
        if (strcmp(s->front_ends[i].listen, listen) == 0)
            return i;
    if (s->front_ends_count < MILTERS_MAX)
        (void)snprintf(s->front_ends[s->front_ends_count].listen, sizeof s->front_ends[0].listen, "%s", listen);
    return s->front_ends_count < MILTERS_MAX ? s->front_ends_count++ : MILTERS_MAX;
}

void signer_add_milter(struct signer *s, const char *listen, int fd)
{
    unsigned front_end = find_front_end(s, listen);
    if (s->milters_count == MILTERS_MAX || front_end == MILTERS_MAX) {
        log_error("too many milter processes; one is not served");
        (void)close(fd);
        return;
    }
    s->milters[s->milters_count++] = (struct milter){.fd = fd, .front_end = front_end, .serial = ++s->next_serial};
}

void signer_add_worker(struct signer *s, const char *name, int fd)
{
    unsigned token, number;
    if (!workers_find(&s->workers, name, &token, &number)) {
        log_error("too many tokens; %s is not used", name);
        (void)close(fd);
        return;
    }
    dispatch_worker_lost(s, token, number);
    worker_replace(&s->workers.tokens[token].all[number], fd);
}

/* Takes what is there. False when the peer is gone. */
static bool drain_milter(struct signer *s, struct milter *m)
{
    for (int i = 0; i < BATCH_MAX; i++) {
        size_t len = 0;
        int err = io_recv_now(m->fd, s->packet, sizeof s->packet, &len);
        if (err == ZEGEL_ERR_BUSY || err == ZEGEL_ERR_CLOSED)
            return err == ZEGEL_ERR_BUSY;
        if (err == ZEGEL_OK)
            intake_take(s, m, bytes_of(s->packet, len));
    }
    return true;
}

static void drain_worker(struct signer *s, unsigned token, unsigned number)
{
    struct worker *w = &s->workers.tokens[token].all[number];
    for (int i = 0; i < BATCH_MAX; i++) {
        size_t len = 0;
        int err = io_recv_now(w->fd, s->packet, sizeof s->packet, &len);
        if (err == ZEGEL_ERR_BUSY)
            return;
        if (err == ZEGEL_ERR_CLOSED) {
            log_warn("a worker of token %s is gone; what it owed is asked of another", s->workers.tokens[token].name);
            dispatch_worker_lost(s, token, number);
            return;
        }
        if (err == ZEGEL_OK)
            dispatch_take(s, token, number, bytes_of(s->packet, len));
    }
}

/* Control, milters, workers in this order; -1 where no worker is. Returns how many. */
static unsigned poll_set(const struct signer *s, int control, int other, struct pollfd p[POLL_MAX])
{
    unsigned n = 0;
    p[n++] = (struct pollfd){.fd = control, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = other, .events = POLLIN};
    for (unsigned i = 0; i < s->milters_count; i++)
        p[n++] = (struct pollfd){.fd = s->milters[i].fd, .events = s->requests_count < REQUESTS_MAX + 64 ? POLLIN : 0};
    for (unsigned t = 0; t < s->workers.count; t++)
        for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++) {
            const struct worker *w = &s->workers.tokens[t].all[i];
            p[n++] = (struct pollfd){.fd = w->fd, .events = (short)(POLLIN | (w->full ? POLLOUT : 0))};
        }
    return n;
}

static void take_from_workers(struct signer *s, const struct pollfd *p)
{
    for (unsigned t = 0; t < s->workers.count; t++)
        for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++, p++) {
            if (p->revents & POLLOUT)
                s->workers.tokens[t].all[i].full = false;
            if (p->revents & (POLLIN | POLLHUP | POLLERR))
                drain_worker(s, t, i);
        }
}

static void show_state(const struct signer *s)
{
    figures_set(FIGURE_QUEUE, s->requests_count);
    figures_set(FIGURE_CHECKPOINT_KEY, s->config->audit.key != NULL);
    figures_set(FIGURE_UNSIGNED_LEAVES, (int64_t)(audit_size(s->audit) - s->checkpoint.covered));
}

/* One of the two descriptors when it is readable, -1 otherwise. */
static int turn(struct signer *s, int control, int other)
{
    struct pollfd p[POLL_MAX];
    unsigned milters = s->milters_count;
    dispatch_send(s); /* a worker may just have come for what waits since the last turn */
    if (poll(p, poll_set(s, control, other, p), dispatch_timeout(s)) < 0)
        return -1; /* EINTR */
    take_from_workers(s, p + 2 + milters);
    for (unsigned i = milters; i-- > 0;)
        if (p[2 + i].revents != 0 && !drain_milter(s, &s->milters[i])) {
            (void)close(s->milters[i].fd);
            s->milters[i] = s->milters[--s->milters_count];
        }
    dispatch_send(s);
    release_answered(s);
    dispatch_checkpoint(s);
    save_ceilings(s);
    show_state(s);
    return p[1].revents != 0 ? other : p[0].revents != 0 ? control : -1;
}

int signer_run(struct signer *s, int control, int other)
{
    int which = -1;
    while (which < 0)
        which = turn(s, control, other);
    return which;
}

void signer_stop(struct signer *s)
{
    if (s == NULL)
        return;
    s->ceilings_save_ms = 0;
    save_ceilings(s);
}
