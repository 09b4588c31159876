#include "milter/client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

enum { DUP_AGAIN_MS = 50 };

/* One waiting call; lives on the asker's stack while it stands in the list. */
struct waiting {
    struct client_call *call;
    pthread_cond_t *wake; /* its asker's own: an answer wakes nobody else */
    uint64_t id;
    bool sent, done;
    struct waiting *next;
};

static struct waiting *find(const struct client *c, uint64_t id)
{
    for (struct waiting *w = c->waiting; w != NULL; w = w->next)
        if (w->id == id)
            return w;
    return NULL;
}

static void take_answer(struct client *c, struct bytes packet)
{
    uint64_t id;
    if (!c->kind->read_id(packet, &id)) {
        if (log_seldom(&c->malformed))
            log_error("%s sent a malformed answer of %zu octets; ignored (%u times so far)", c->kind->peer, packet.len,
                      c->malformed);
        return;
    }
    struct waiting *w = find(c, id);
    if (w == NULL || w->done)
        return; /* its asker gave up */
    c->kind->take(packet, w->call);
    w->done = true;
    pthread_cond_signal(w->wake);
}

/* Ends the peer; everything it owed is to be sent again. Lock held. */
static void drop_peer(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    c->generation++;
    for (struct waiting *w = c->waiting; w != NULL; w = w->next) {
        w->sent = false;
        pthread_cond_signal(w->wake);
    }
}

static void *read_answers(void *arg)
{
    struct client *c = arg;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->fd < 0)
            pthread_cond_wait(&c->changed, &c->lock);
        int fd = dup(c->fd); /* ours to read from: the other may be closed meanwhile */
        uint64_t generation = c->generation;
        pthread_mutex_unlock(&c->lock);
        if (fd < 0) { /* no descriptor left for now. Whom we give up is not given to us again, as long as he lives */
            (void)poll(NULL, 0, DUP_AGAIN_MS);
            pthread_mutex_lock(&c->lock);
            continue;
        }
        size_t len = 0;
        int err = ZEGEL_OK;
        while (err != ZEGEL_ERR_CLOSED) {
            err = io_recv(fd, c->answer, sizeof c->answer, &len, NULL);
            if (err != ZEGEL_OK)
                continue;
            pthread_mutex_lock(&c->lock);
            take_answer(c, bytes_of(c->answer, len));
            pthread_mutex_unlock(&c->lock);
        }
        (void)close(fd);
        pthread_mutex_lock(&c->lock);
        if (generation == c->generation)
            drop_peer(c);
    }
    return NULL;
}

int client_start(struct client *c, const struct client_kind *kind)
{
    pthread_t thread;
    c->kind = kind;
    c->fd = -1;
    if (pthread_mutex_init(&c->lock, NULL) != 0 || pthread_condattr_init(&c->monotonic) != 0 ||
        pthread_condattr_setclock(&c->monotonic, CLOCK_MONOTONIC) != 0 || pthread_cond_init(&c->changed, NULL) != 0 ||
        pthread_create(&thread, NULL, read_answers, c) != 0)
        return ZEGEL_ERR_SYSTEM;
    (void)pthread_detach(thread);
    return ZEGEL_OK;
}

void client_set_peer(struct client *c, int fd)
{
    pthread_mutex_lock(&c->lock);
    drop_peer(c);
    c->fd = fd;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* Lock held. */
static void send_one(struct client *c, struct waiting *w, int64_t deadline_ms)
{
    struct packer p = {.data = c->packet, .cap = sizeof c->packet};
    if (!c->kind->pack(w->call, w->id, (uint32_t)clock_left_ms(deadline_ms), &p)) {
        w->call->err = ZEGEL_ERR_TOO_BIG;
        w->done = true;
        return;
    }
    int err = io_send(c->fd, bytes_of(p.data, p.len), -1);
    if (err == ZEGEL_ERR_CLOSED)
        drop_peer(c);
    w->sent = err == ZEGEL_OK;
}

static struct timespec timespec_of(int64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

/* Sends what is unsent and waits. Lock held. True when all have their answer. */
static bool step(struct client *c, struct waiting *mine, size_t count, int64_t deadline_ms)
{
    bool all_done = true, all_sent = true;
    for (size_t i = 0; i < count; i++) {
        if (!mine[i].done && !mine[i].sent && c->fd >= 0)
            send_one(c, &mine[i], deadline_ms);
        all_done = all_done && mine[i].done;
        all_sent = all_sent && (mine[i].done || mine[i].sent);
    }
    if (all_done)
        return true;
    /* A full socket is tried again soon; otherwise an answer or a new peer wakes us. */
    int64_t until = all_sent || c->fd < 0 ? deadline_ms : clock_monotonic_ms() + 2;
    struct timespec ts = timespec_of(until < deadline_ms ? until : deadline_ms);
    (void)pthread_cond_timedwait(mine[0].wake, &c->lock, &ts);
    return false;
}

void client_ask(struct client *c, struct client_call *const *calls, size_t count, int64_t deadline_ms)
{
    struct waiting mine[CLIENT_CALLS_MAX];
    pthread_cond_t wake;
    bool ok = count > 0 && count <= CLIENT_CALLS_MAX && pthread_cond_init(&wake, &c->monotonic) == 0;
    for (size_t i = 0; i < count; i++)
        calls[i]->err = ok ? ZEGEL_ERR_TIMEOUT : ZEGEL_ERR_TOO_BIG;
    if (!ok)
        return;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < count; i++) {
        mine[i] = (struct waiting){.call = calls[i], .wake = &wake, .id = ++c->next_id, .next = c->waiting};
        // cppcheck-suppress autoVariables ; taken out of the list below
        c->waiting = &mine[i];
    }
    while (!step(c, mine, count, deadline_ms) && clock_left_ms(deadline_ms) > 0)
        ;
    for (size_t i = 0; i < count; i++)
        for (struct waiting **at = &c->waiting; *at != NULL; at = &(*at)->next)
            if (*at == &mine[i]) {
                *at = mine[i].next;
                break;
            }
    pthread_mutex_unlock(&c->lock);
    (void)pthread_cond_destroy(&wake);
}
