#include "milter/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

enum { CALLS_MAX = 8 }; /* signatures of one message: as many keys as a domain may have */

/* One waiting call; lives on the asker's stack while it stands in the list. */
struct waiting {
    struct client_call *call;
    pthread_cond_t *wake; /* its asker's own: an answer wakes nobody else */
    uint64_t id;
    bool sent, done;
    struct waiting *next;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a new peer: for the reader */
    pthread_condattr_t monotonic;
    int fd;              /* -1: no signer now */
    uint64_t generation; /* of the peer */
    uint64_t next_id;
    struct waiting *waiting;
} client = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static struct waiting *find(uint64_t id)
{
    for (struct waiting *w = client.waiting; w != NULL; w = w->next)
        if (w->id == id)
            return w;
    return NULL;
}

static void take_answer(struct bytes packet)
{
    struct sign_reply r;
    if (!sign_reply_unpack(packet, &r)) {
        log_error("signer sent a malformed answer of %zu octets; ignored", packet.len);
        return;
    }
    struct waiting *w = find(r.id);
    if (w == NULL || w->done)
        return; /* its asker gave up */
    struct client_call *c = w->call;
    c->err = r.err;
    c->signature_len = r.signature.len;
    memcpy(c->signature, r.signature.data, r.signature.len);
    memcpy(c->reason, r.reason.data, r.reason.len);
    c->reason[r.reason.len] = '\0';
    w->done = true;
    pthread_cond_signal(w->wake);
}

/* Ends the peer; everything it owed is to be sent again. Lock held. */
static void drop_peer(void)
{
    if (client.fd >= 0)
        (void)close(client.fd);
    client.fd = -1;
    client.generation++;
    for (struct waiting *w = client.waiting; w != NULL; w = w->next) {
        w->sent = false;
        pthread_cond_signal(w->wake);
    }
}

static void *read_answers(void *arg)
{
    (void)arg;
    uint8_t *packet = malloc(IO_PACKET_MAX);
    if (packet == NULL)
        abort(); /* at start, before any mail */
    pthread_mutex_lock(&client.lock);
    for (;;) {
        while (client.fd < 0)
            pthread_cond_wait(&client.changed, &client.lock);
        int fd = dup(client.fd); /* ours to read from: the other may be closed meanwhile */
        uint64_t generation = client.generation;
        pthread_mutex_unlock(&client.lock);
        size_t len = 0;
        int err = ZEGEL_OK;
        while (fd >= 0 && err != ZEGEL_ERR_CLOSED) {
            err = io_recv(fd, packet, IO_PACKET_MAX, &len, NULL);
            if (err != ZEGEL_OK)
                continue;
            pthread_mutex_lock(&client.lock);
            take_answer(bytes_of(packet, len));
            pthread_mutex_unlock(&client.lock);
        }
        if (fd >= 0)
            (void)close(fd);
        pthread_mutex_lock(&client.lock);
        if (generation == client.generation)
            drop_peer();
    }
    return NULL;
}

int client_start(void)
{
    pthread_t thread;
    if (pthread_condattr_init(&client.monotonic) != 0 || pthread_condattr_setclock(&client.monotonic, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&client.changed, NULL) != 0 || pthread_create(&thread, NULL, read_answers, NULL) != 0)
        return ZEGEL_ERR_SYSTEM;
    (void)pthread_detach(thread);
    return ZEGEL_OK;
}

void client_set_peer(int fd)
{
    pthread_mutex_lock(&client.lock);
    drop_peer();
    client.fd = fd;
    pthread_cond_signal(&client.changed);
    pthread_mutex_unlock(&client.lock);
}

/* Lock held. */
static void send_one(struct waiting *w, int64_t deadline_ms)
{
    static uint8_t room[IO_PACKET_MAX]; /* under the lock */
    struct packer p = {.data = room, .cap = sizeof room};
    w->call->request.id = w->id;
    w->call->request.left_ms = (uint32_t)clock_left_ms(deadline_ms);
    if (!sign_request_pack(&w->call->request, &p)) {
        w->call->err = ZEGEL_ERR_TOO_BIG;
        w->done = true;
        return;
    }
    int err = io_send(client.fd, bytes_of(p.data, p.len), -1);
    if (err == ZEGEL_ERR_CLOSED)
        drop_peer();
    w->sent = err == ZEGEL_OK;
}

static struct timespec timespec_of(int64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

/* Sends what is unsent and waits. Lock held. True when all have their answer. */
static bool step(struct waiting *mine, size_t count, int64_t deadline_ms)
{
    bool all_done = true, all_sent = true;
    for (size_t i = 0; i < count; i++) {
        if (!mine[i].done && !mine[i].sent && client.fd >= 0)
            send_one(&mine[i], deadline_ms);
        all_done = all_done && mine[i].done;
        all_sent = all_sent && (mine[i].done || mine[i].sent);
    }
    if (all_done)
        return true;
    /* A full socket is tried again soon; otherwise an answer or a new peer wakes us. */
    int64_t until = all_sent || client.fd < 0 ? deadline_ms : clock_monotonic_ms() + 2;
    struct timespec ts = timespec_of(until < deadline_ms ? until : deadline_ms);
    (void)pthread_cond_timedwait(mine[0].wake, &client.lock, &ts);
    return false;
}

void client_sign(struct client_call *calls, size_t count, int64_t deadline_ms)
{
    struct waiting mine[CALLS_MAX];
    pthread_cond_t wake;
    bool ok = count > 0 && count <= CALLS_MAX && pthread_cond_init(&wake, &client.monotonic) == 0;
    for (size_t i = 0; i < count; i++) {
        calls[i].err = ok ? ZEGEL_ERR_TIMEOUT : ZEGEL_ERR_TOO_BIG;
        calls[i].signature_len = 0;
        calls[i].reason[0] = '\0';
    }
    if (!ok)
        return;
    pthread_mutex_lock(&client.lock);
    for (size_t i = 0; i < count; i++) {
        mine[i] = (struct waiting){.call = &calls[i], .wake = &wake, .id = ++client.next_id, .next = client.waiting};
        client.waiting = &mine[i];
    }
    while (!step(mine, count, deadline_ms) && clock_left_ms(deadline_ms) > 0)
        ;
    for (size_t i = 0; i < count; i++)
        for (struct waiting **at = &client.waiting; *at != NULL; at = &(*at)->next)
            if (*at == &mine[i]) {
                *at = mine[i].next;
                break;
            }
    pthread_mutex_unlock(&client.lock);
    (void)pthread_cond_destroy(&wake);
}
