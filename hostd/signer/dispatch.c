#include "signer/dispatch.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "ipc/signer_token.h"

/* What it had another one has again: signing twice does no harm. */
void dispatch_worker_lost(struct signer *s, unsigned token, unsigned number)
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
        dispatch_worker_lost(s, r->token, number);
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

void dispatch_send(struct signer *s)
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

void dispatch_checkpoint(struct signer *s)
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

void dispatch_take(struct signer *s, unsigned token, unsigned number, struct bytes packet)
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

int dispatch_timeout(const struct signer *s)
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
