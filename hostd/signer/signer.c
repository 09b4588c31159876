#include "signer/signer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "dkim/digest.h"
#include "figures/figures.h"
#include "ipc/signer_token.h"
#include "signer/checkpoint.h"
#include "signer/keyring.h"
#include "signer/permit.h"
#include "signer/rate.h"
#include "signer/request.h"
#include "signer/workers.h"

enum {
    MILTERS_MAX = 32,
    REQUESTS_MAX = 4096, /* waiting or under way; more are answered "busy" at once, as are more octets of blocks */
    OCTETS_MAX = 32 * 1024 * 1024,
    LEFT_MAX_MS = 30000,
    PREVIOUS_CONFIG_MS = 60000,
    BATCH_MAX = 64, /* packets taken from one socket before others have their turn */
    CEILINGS_EVERY_MS = 1000,
    CEILINGS_FILE_MAX = 64 * 1024 * 1024,
    POLL_MAX = 2 + MILTERS_MAX + WORKERS_TOKENS_MAX * CONFIG_WORKERS_MAX,
};

struct milter {
    int fd;
    unsigned front_end; /* index into signer.front_ends */
    uint64_t serial;
    unsigned malformed; /* of its requests */
};

struct signer {
    struct audit *audit;
    struct config *config;
    struct config *previous; /* a message that began before the reload is signed by the configuration it began with */
    int64_t previous_until_ms;
    struct milter milters[MILTERS_MAX];
    unsigned milters_count;
    struct workers workers;
    struct queue queues[WORKERS_TOKENS_MAX]; /* as workers.tokens */
    unsigned processors;
    struct front_end front_ends[MILTERS_MAX]; /* every one there ever was */
    unsigned front_ends_count;
    struct keyring keys;
    struct ceilings *ceilings;
    int64_t ceilings_save_ms;      /* monotonic: not before */
    struct request *first, **last; /* all requests, oldest first */
    unsigned requests_count;
    size_t octets; /* of their blocks */
    uint64_t next_id, next_serial;
    struct checkpoint_state checkpoint;
    const struct worker *checkpoint_at; /* who has it */
    uint8_t packet[IO_PACKET_MAX];
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

/* ---- requests ---- */

static void copy_text(char *out, struct bytes in)
{
    memcpy(out, in.data, in.len); /* the codec has bounded it */
    out[in.len] = '\0';
}

static unsigned sessions_of(const struct signer *s, const struct config_token *t)
{
    return t->sessions_n > 0 ? t->sessions_n : s->processors;
}

/* It waits for its turn at the token, unless that would come too late, or nothing would be left for others: better a 4xx now than
 * one in twenty seconds. */
static void admit(struct signer *s, struct request *r)
{
    struct queue *q = &s->queues[r->token];
    int64_t now = clock_monotonic_ms();
    r->place = (struct queued){.key = r->key, .domain = r->domain, .deadline_ms = r->deadline_ms, .octets = r->block.len};
    int64_t wait_ms = workers_wait_ms(&s->workers.tokens[r->token], queue_ahead(q, &r->place), now);
    if (queue_share(q, &r->place) >= REQUESTS_MAX - s->requests_count ||
        queue_share_octets(q, &r->place) + r->block.len > OCTETS_MAX - s->octets)
        request_answer(r, ZEGEL_ERR_BUSY, BYTES_LIT("too many messages of this domain are waiting for its key"));
    else if (now + wait_ms + wait_ms / 8 > r->deadline_ms) /* with a margin: who just gets in shall not be told so in the end */
        request_answer(r, ZEGEL_ERR_BUSY, BYTES_LIT("more messages are waiting for the token than it signs in time"));
    else if (!queue_add(q, &r->place))
        request_answer(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
}

/* Everything that decides whether this may be signed at all stands in permit.c. */
static void judge(struct signer *s, const struct milter *m, const struct sign_request *in, struct request *r)
{
    struct permit p = {.config = s->config,
                       .keys = &s->keys,
                       .ceilings = s->ceilings,
                       .front_end = &s->front_ends[m->front_end],
                       .now_s = clock_wall_s(),
                       .now_ms = clock_monotonic_ms()};
    struct permitted ok;
    const char *why = "";
    int err = permit(&p, in, &ok, &why);
    if (err == ZEGEL_ERR_REFUSED && s->previous != NULL && p.now_ms < s->previous_until_ms) {
        const char *ignored;
        p.config = s->previous;
        if (permit(&p, in, &ok, &ignored) == ZEGEL_OK)
            err = ZEGEL_OK;
    }
    if (err != ZEGEL_OK) {
        const struct log_fields f = {
            .queue_id = r->queue_id, .domain = r->domain, .selector = r->selector, .result = "refused", .reason = why};
        log_event(LOG_LEVEL_ERROR, &f, "refused to sign for d=%s s=%s: %s", r->domain, r->selector, why);
        request_answer(r, err, bytes_str(why));
        return;
    }
    r->counted = true;
    const struct config_token *on = &p.config->tokens[ok.config_key->token];
    int token = workers_token(&s->workers, on->name);
    uint8_t *block = malloc(in->block.len);
    if (token < 0 || block == NULL) {
        free(block);
        request_answer(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
        return;
    }
    memcpy(block, in->block.data, in->block.len);
    r->key = ok.key;
    r->block = bytes_of(block, in->block.len);
    r->token = (unsigned)token;
    s->workers.tokens[token].sessions = sessions_of(s, on);
    r->ed25519 = ok.config_key->algorithm == CONFIG_ED25519_SHA256;
    memcpy(r->body_hash, ok.sig.bh, sizeof r->body_hash);
    r->hashed = digest_sha256(r->block, r->block_hash);
    if (r->hashed)
        admit(s, r);
    else
        request_answer(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
    if (r->answered)
        request_drop_block(r);
    s->octets += r->block.len;
}

static void take_request(struct signer *s, struct milter *m, struct bytes packet)
{
    struct sign_request in;
    if (!sign_request_unpack(packet, &in)) {
        if (log_seldom(&m->malformed))
            log_error("malformed request of %zu octets from a milter process; ignored (%u times so far)", packet.len,
                      m->malformed);
        return;
    }
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return; /* the asker's deadline answers */
    r->id = ++s->next_id;
    r->milter_id = in.id;
    r->milter = m->serial;
    r->began_us = clock_monotonic_us();
    r->deadline_ms = clock_monotonic_ms() + (in.left_ms < LEFT_MAX_MS ? in.left_ms : LEFT_MAX_MS);
    copy_text(r->domain, in.domain);
    copy_text(r->selector, in.selector);
    copy_text(r->queue_id, in.queue_id);
    copy_text(r->client, in.client);
    if (s->config == NULL || s->requests_count >= REQUESTS_MAX)
        request_answer(r, ZEGEL_ERR_BUSY, BYTES_LIT("signer is busy"));
    else
        judge(s, m, &in, r);
    *s->last = r;
    s->last = &r->next;
    s->requests_count++;
}

/* ---- tokens ---- */

/* What it had another one has again: signing twice does no harm. */
static void worker_lost(struct signer *s, unsigned token, unsigned number)
{
    struct worker *w = &s->workers.tokens[token].all[number];
    worker_replace(w, -1);
    for (struct request *r = s->first; r != NULL; r = r->next)
        if (r->token == token) {
            r->at &= ~(1U << number);
            r->failed &= ~(1U << number);
        }
    if (s->checkpoint_at == w)
        s->checkpoint.id = 0;
}

/* A worker takes what it is sent in order: what was overtaken a second ago hangs in one of its threads. */
static bool is_stuck(const struct request *r, int64_t now_ms)
{
    return r->overtaken_ms != 0 && now_ms - r->overtaken_ms >= WORKERS_SILENT_MS;
}

static void note_overtaken(struct signer *s, const struct request *by, unsigned number, int64_t now_ms)
{
    for (struct request *r = s->first; r != NULL; r = r->next)
        if (r->token == by->token && r->at == 1U << number && r->overtaken_ms == 0 && r->sent_ms < by->sent_ms)
            r->overtaken_ms = now_ms;
}

/* Who had it was stuck, and another one has it too. */
static bool is_moved(const struct request *r)
{
    return (r->at & (r->at - 1)) != 0;
}

/* The number of the worker that shall have it now, or -1: nobody can, or somebody has it. Who is stuck with it is not waited for
 * if there is another one that works; two at once are enough. */
static int pick_worker(const struct signer *s, const struct request *r, int64_t now_ms)
{
    const struct token_workers *t = &s->workers.tokens[r->token];
    unsigned except = r->at | r->failed;
    if (r->answered || is_moved(r))
        return -1;
    if (r->at != 0 && ((!is_stuck(r, now_ms) && !workers_all_silent(t, r->at, now_ms)) || !workers_any_ready(t, except, now_ms)))
        return -1;
    return workers_pick(t, except, now_ms);
}

static bool pack_request(struct signer *s, const struct request *r, struct packer *p)
{
    struct token_request out = {
        .id = r->id,
        .left_ms = (uint32_t)clock_left_ms(r->deadline_ms),
        .key = bytes_str(r->key->uri),
        .data = r->block,
    };
    *p = (struct packer){.data = s->packet, .cap = sizeof s->packet};
    return token_request_pack(&out, p);
}

/* False when the worker cannot take it. */
static bool send_one(struct signer *s, struct request *r, unsigned number, int64_t now_ms)
{
    struct worker *w = &s->workers.tokens[r->token].all[number];
    struct packer p;
    if (!pack_request(s, r, &p)) {
        request_answer(r, ZEGEL_ERR_TOO_BIG, BYTES_LIT("header block too large"));
        return true;
    }
    int err = worker_send(w, bytes_of(p.data, p.len), now_ms);
    if (err == ZEGEL_ERR_CLOSED)
        worker_lost(s, r->token, number);
    if (err != ZEGEL_OK)
        return false;
    r->sent_ms = now_ms;
    r->sent_us = clock_monotonic_us();
    r->load = w->in_flight;
    r->overtaken_ms = 0;
    r->at |= 1U << number;
    return true;
}

/* What has had its turn and found no answer comes before what waits for one. */
static void send_again(struct signer *s, int64_t now_ms)
{
    for (struct request *r = s->first; r != NULL; r = r->next) {
        int number = r->place.waiting ? -1 : pick_worker(s, r, now_ms);
        if (number >= 0)
            (void)send_one(s, r, (unsigned)number, now_ms);
    }
}

static void send_waiting(struct signer *s, unsigned token, int64_t now_ms)
{
    struct queued *next;
    int number;
    while ((number = workers_pick(&s->workers.tokens[token], 0, now_ms)) >= 0 && (next = queue_next(&s->queues[token])) != NULL)
        if (send_one(s, (struct request *)next, (unsigned)number, now_ms))
            queue_start(&s->queues[token], next);
}

static void send_requests(struct signer *s)
{
    int64_t now = clock_monotonic_ms();
    send_again(s, now);
    for (unsigned t = 0; t < s->workers.count; t++)
        send_waiting(s, t, now);
}

static struct request *find_request(struct signer *s, uint64_t id)
{
    for (struct request *r = s->first; r != NULL; r = r->next)
        if (r->id == id)
            return r;
    return NULL;
}

static void check_signature(struct signer *s, struct request *r, const struct token_reply *in)
{
    const char *why = "";
    int err = known_key_check(&s->keys, r->key, in->spki, r->ed25519, r->block_hash, in->signature, &why);
    request_answer(r, err, bytes_str(why));
    if (err != ZEGEL_OK)
        return;
    memcpy(r->signature, in->signature.data, in->signature.len);
    r->signature_len = in->signature.len;
}

static void send_checkpoint(struct signer *s)
{
    const struct config_audit *a = &s->config->audit;
    struct packer p = {.data = s->packet, .cap = sizeof s->packet};
    struct token_request out;
    int64_t now = clock_monotonic_ms();
    int token = a->key == NULL ? -1 : workers_token(&s->workers, s->config->tokens[a->token].name);
    int number = token < 0 ? -1 : workers_pick(&s->workers.tokens[token], 0, now);
    if (number < 0 || !checkpoint_due(&s->checkpoint, s->audit, keyring_get(&s->keys, a->key), s->next_id + 1, &out))
        return;
    struct worker *w = &s->workers.tokens[token].all[number];
    if (!token_request_pack(&out, &p) || worker_send(w, bytes_of(p.data, p.len), now) != ZEGEL_OK)
        return;
    checkpoint_sent(&s->checkpoint, ++s->next_id);
    s->checkpoint_at = w;
}

/* An error that lies with one worker is no answer before all have made it: another one has the request, or gets it, be it as soon
 * as it has come back. */
static bool another_may(const struct signer *s, const struct request *r)
{
    return r->at != 0 || workers_any(&s->workers.tokens[r->token], r->failed);
}

static void take_token_reply(struct signer *s, unsigned token, unsigned number, struct bytes packet)
{
    struct token_reply in;
    struct worker *w = &s->workers.tokens[token].all[number];
    if (!token_reply_unpack(packet, &in)) {
        if (log_seldom(&w->malformed))
            log_error("malformed answer of %zu octets from a worker of token %s; ignored (%u times so far)", packet.len,
                      s->workers.tokens[token].name, w->malformed);
        return;
    }
    if (in.id == TOKEN_REPLY_LOGGED_IN) {
        w->logged_in = true;
        return;
    }
    struct request *r = find_request(s, in.id);
    int64_t now = clock_monotonic_ms();
    bool own = worker_answered(w, in.err, now);
    if (in.id == s->checkpoint.id && w == s->checkpoint_at) {
        checkpoint_take(&s->checkpoint, s->audit, &s->keys, &in);
        return;
    }
    if (r == NULL || r->answered || r->token != token || (r->at >> number & 1) == 0)
        return;
    if (!is_moved(r)) {
        note_overtaken(s, r, number, now);
        worker_took(w, s->workers.tokens[token].sessions, clock_monotonic_us() - r->sent_us, r->load);
    }
    r->at &= ~(1U << number);
    r->failed |= 1U << number;
    if (in.err == ZEGEL_OK)
        check_signature(s, r, &in);
    else if (!own || !another_may(s, r))
        request_answer(r, in.err, in.reason);
}

/* ---- answers ---- */

static const struct milter *find_milter(const struct signer *s, uint64_t serial)
{
    for (unsigned i = 0; i < s->milters_count; i++)
        if (s->milters[i].serial == serial)
            return &s->milters[i];
    return NULL;
}

static void answer(struct signer *s, const struct request *r)
{
    const struct milter *m = find_milter(s, r->milter);
    struct sign_reply out = {
        .id = r->milter_id,
        .err = r->err,
        .signature = r->err == ZEGEL_OK ? bytes_of(r->signature, r->signature_len) : bytes_of(NULL, 0),
        .reason = bytes_str(r->reason),
    };
    struct packer p = {.data = s->packet, .cap = sizeof s->packet};
    if (m == NULL || !sign_reply_pack(&out, &p))
        return;
    if (io_send(m->fd, bytes_of(p.data, p.len), -1) == ZEGEL_ERR_BUSY)
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.queue_id = r->queue_id},
                  "a milter process does not take its answers"); /* its deadline answers the MTA */
}

/* One group commit for all that was answered in this turn, then the answers. */
static void finish(struct signer *s)
{
    struct buf why = BUF_INIT;
    int64_t now = clock_monotonic_ms();
    bool any = false;
    int keys_err = keyring_save(&s->keys, s->audit, &why);
    if (keys_err != ZEGEL_OK)
        log_error("%s: no signature is released", buf_cstr(&why));
    buf_clear(&why);
    for (struct request *r = s->first; r != NULL; r = r->next) {
        if (!r->answered && r->deadline_ms <= now)
            request_answer(r, ZEGEL_ERR_TIMEOUT, BYTES_LIT("the token did not answer in time"));
        if (r->answered && keys_err != ZEGEL_OK && r->err == ZEGEL_OK)
            request_answer(r, keys_err, BYTES_LIT("the public key it was signed with cannot be written down"));
        if (r->answered)
            request_record(r, s->audit);
        any = any || r->answered;
    }
    int64_t begin = clock_monotonic_us();
    int err = audit_commit(s->audit, &why);
    if (any)
        figures_observe(FIGURE_TIME_COMMIT, clock_monotonic_us() - begin);
    if (err != ZEGEL_OK)
        log_error("%s: no signature is released", buf_cstr(&why));
    buf_free(&why);
    for (struct request **at = &s->first; *at != NULL;) {
        struct request *r = *at;
        if (!r->answered) {
            at = &r->next;
            continue;
        }
        if (err != ZEGEL_OK)
            request_answer(r, err, BYTES_LIT("the audit log cannot be written"));
        if (r->counted && r->err != ZEGEL_OK)
            ceilings_give_back(s->ceilings, r->domain);
        answer(s, r);
        request_count(r, err);
        queue_end(&s->queues[r->token], &r->place);
        *at = r->next;
        s->octets -= r->block.len;
        request_free(r);
        s->requests_count--;
    }
    s->last = &s->first;
    while (*s->last != NULL)
        s->last = &(*s->last)->next;
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
    worker_lost(s, token, number);
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
            take_request(s, m, bytes_of(s->packet, len));
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
            worker_lost(s, token, number);
            return;
        }
        if (err == ZEGEL_OK)
            take_token_reply(s, token, number, bytes_of(s->packet, len));
    }
}

static int next_timeout(const struct signer *s)
{
    int64_t now = clock_monotonic_ms();
    int least = workers_timeout(&s->workers, now, 1000);
    for (const struct request *r = s->first; r != NULL; r = r->next) {
        int64_t stuck_ms = r->overtaken_ms == 0 || is_stuck(r, now) ? INT64_MAX : r->overtaken_ms + WORKERS_SILENT_MS;
        int left = clock_left_ms(stuck_ms < r->deadline_ms ? stuck_ms : r->deadline_ms);
        if (left < least)
            least = left;
    }
    return least;
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
    send_requests(s); /* a worker may just have come for what waits since the last turn */
    if (poll(p, poll_set(s, control, other, p), next_timeout(s)) < 0)
        return -1; /* EINTR */
    take_from_workers(s, p + 2 + milters);
    for (unsigned i = milters; i-- > 0;)
        if (p[2 + i].revents != 0 && !drain_milter(s, &s->milters[i])) {
            (void)close(s->milters[i].fd);
            s->milters[i] = s->milters[--s->milters_count];
        }
    send_requests(s);
    finish(s);
    send_checkpoint(s);
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
