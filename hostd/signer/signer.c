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
#include "ipc/signer_token.h"
#include "signer/checkpoint.h"
#include "signer/keyring.h"
#include "signer/permit.h"
#include "signer/rate.h"

enum {
    MILTERS_MAX = 32,
    TOKENS_MAX = 64,
    REQUESTS_MAX = 4096, /* waiting or under way; more are answered "busy" at once */
    IN_FLIGHT_MAX = 64,  /* at one token worker */
    LEFT_MAX_MS = 30000,
    PREVIOUS_CONFIG_MS = 60000,
    BATCH_MAX = 64, /* packets taken from one socket before others have their turn */
    CEILINGS_EVERY_MS = 1000,
    CEILINGS_FILE_MAX = 64 * 1024 * 1024,
};

struct request {
    uint64_t id;        /* ours, at the token */
    uint64_t milter_id; /* the asker's */
    uint64_t milter;    /* milter.serial: the asker may be gone and its slot reused */
    int64_t deadline_ms;
    unsigned token; /* index into signer.tokens */
    bool sent, counted, ed25519;
    struct known_key *key;
    char domain[IPC_NAME_MAX + 1], selector[IPC_NAME_MAX + 1];
    char queue_id[IPC_ID_MAX + 1], client[IPC_ID_MAX + 1];
    uint8_t body_hash[DKIM_HASH_LEN], block_hash[DKIM_HASH_LEN];
    struct bytes block; /* allocated */
    /* the answer, until its record is durable */
    bool answered;
    int err;
    uint8_t signature[IPC_SIGNATURE_MAX];
    size_t signature_len;
    char reason[IPC_REASON_MAX + 1];
    struct request *next;
};

struct milter {
    int fd;
    unsigned front_end; /* index into signer.front_ends */
    uint64_t serial;
};

struct token_peer {
    char *name;
    int fd; /* -1: no worker now */
    unsigned in_flight;
    bool full; /* its socket took no more: wait for POLLOUT */
};

struct signer {
    struct audit *audit;
    struct config *config;
    struct config *previous; /* a message that began before the reload is signed by the configuration it began with */
    int64_t previous_until_ms;
    struct milter milters[MILTERS_MAX];
    unsigned milters_count;
    struct token_peer tokens[TOKENS_MAX];
    unsigned tokens_count;
    struct front_end front_ends[MILTERS_MAX]; /* every one there ever was */
    unsigned front_ends_count;
    struct keyring keys;
    struct ceilings *ceilings;
    int64_t ceilings_save_ms;      /* monotonic: not before */
    struct request *first, **last; /* all requests, oldest first */
    unsigned requests_count;
    uint64_t next_id, next_serial;
    struct checkpoint_state checkpoint;
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
    if (s == NULL || (s->ceilings = ceilings_new()) == NULL) {
        free(s);
        return NULL;
    }
    s->audit = audit;
    checkpoint_init(&s->checkpoint, origin);
    s->last = &s->first;
    load_ceilings(s);
    return s;
}

/* ---- requests ---- */

static void set_reason(struct request *r, int err, struct bytes reason)
{
    if (reason.len > IPC_REASON_MAX)
        reason.len = IPC_REASON_MAX;
    r->err = err;
    r->answered = true;
    if (reason.len > 0)
        memcpy(r->reason, reason.data, reason.len);
    r->reason[reason.len] = '\0';
}

static void copy_text(char *out, struct bytes in)
{
    memcpy(out, in.data, in.len); /* the codec has bounded it */
    out[in.len] = '\0';
}

static int find_token(struct signer *s, const char *name)
{
    for (unsigned i = 0; i < s->tokens_count; i++)
        if (strcmp(s->tokens[i].name, name) == 0)
            return (int)i;
    if (s->tokens_count == TOKENS_MAX)
        return -1;
    struct token_peer *t = &s->tokens[s->tokens_count];
    *t = (struct token_peer){.name = strdup(name), .fd = -1};
    return t->name == NULL ? -1 : (int)s->tokens_count++;
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
        log_error("%s: refused to sign for d=%s s=%s: %s", r->queue_id, r->domain, r->selector, why);
        set_reason(r, err, bytes_str(why));
        return;
    }
    r->counted = true;
    int token = find_token(s, s->config->tokens[ok.config_key->token].name);
    uint8_t *block = malloc(in->block.len);
    if (token < 0 || block == NULL) {
        free(block);
        set_reason(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
        return;
    }
    memcpy(block, in->block.data, in->block.len);
    r->key = ok.key;
    r->block = bytes_of(block, in->block.len);
    r->token = (unsigned)token;
    r->ed25519 = ok.config_key->algorithm == CONFIG_ED25519_SHA256;
    memcpy(r->body_hash, ok.sig.bh, sizeof r->body_hash);
    if (!digest_sha256(r->block, r->block_hash))
        set_reason(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
}

static void take_request(struct signer *s, const struct milter *m, struct bytes packet)
{
    struct sign_request in;
    if (!sign_request_unpack(packet, &in)) {
        log_error("malformed request of %zu octets from a milter process; ignored", packet.len);
        return;
    }
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return; /* the asker's deadline answers */
    r->id = ++s->next_id;
    r->milter_id = in.id;
    r->milter = m->serial;
    r->deadline_ms = clock_monotonic_ms() + (in.left_ms < LEFT_MAX_MS ? in.left_ms : LEFT_MAX_MS);
    copy_text(r->domain, in.domain);
    copy_text(r->selector, in.selector);
    copy_text(r->queue_id, in.queue_id);
    copy_text(r->client, in.client);
    if (s->config == NULL || s->requests_count >= REQUESTS_MAX)
        set_reason(r, ZEGEL_ERR_BUSY, BYTES_LIT("signer is busy"));
    else
        judge(s, m, &in, r);
    *s->last = r;
    s->last = &r->next;
    s->requests_count++;
}

/* ---- tokens ---- */

static void token_lost(struct signer *s, unsigned token)
{
    struct token_peer *t = &s->tokens[token];
    if (t->fd >= 0)
        (void)close(t->fd);
    t->fd = -1;
    t->in_flight = 0;
    t->full = false;
    for (struct request *r = s->first; r != NULL; r = r->next)
        if (r->token == token && !r->answered)
            r->sent = false; /* the next worker has it again: signing twice does no harm */
}

static void send_requests(struct signer *s)
{
    for (struct request *r = s->first; r != NULL; r = r->next) {
        if (r->answered || r->sent)
            continue;
        struct token_peer *t = &s->tokens[r->token];
        if (t->fd < 0 || t->full || t->in_flight >= IN_FLIGHT_MAX)
            continue;
        struct token_request out = {
            .id = r->id,
            .left_ms = (uint32_t)clock_left_ms(r->deadline_ms),
            .key = bytes_str(r->key->uri),
            .data = r->block,
        };
        struct packer p = {.data = s->packet, .cap = sizeof s->packet};
        if (!token_request_pack(&out, &p)) {
            set_reason(r, ZEGEL_ERR_TOO_BIG, BYTES_LIT("header block too large"));
            continue;
        }
        int err = io_send(t->fd, bytes_of(p.data, p.len), -1);
        if (err == ZEGEL_OK) {
            r->sent = true;
            t->in_flight++;
        } else if (err == ZEGEL_ERR_BUSY) {
            t->full = true;
        } else {
            token_lost(s, r->token);
        }
    }
}

static struct request *find_request(struct signer *s, uint64_t id)
{
    for (struct request *r = s->first; r != NULL; r = r->next)
        if (r->id == id)
            return r;
    return NULL;
}

static void check_signature(struct request *r, const struct token_reply *in)
{
    const char *why = "";
    int err = known_key_check(r->key, in->spki, r->ed25519, r->block_hash, in->signature, &why);
    set_reason(r, err, bytes_str(why));
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
    int token = a->key == NULL ? -1 : find_token(s, s->config->tokens[a->token].name);
    if (token < 0 || s->tokens[token].fd < 0 || s->tokens[token].full ||
        !checkpoint_due(&s->checkpoint, s->audit, a->key, s->next_id + 1, &out))
        return;
    if (!token_request_pack(&out, &p) || io_send(s->tokens[token].fd, bytes_of(p.data, p.len), -1) != ZEGEL_OK)
        return;
    checkpoint_sent(&s->checkpoint, ++s->next_id);
    s->tokens[token].in_flight++;
}

static void take_token_reply(struct signer *s, unsigned token, struct bytes packet)
{
    struct token_reply in;
    if (!token_reply_unpack(packet, &in)) {
        log_error("malformed answer of %zu octets from the worker of token %s; ignored", packet.len, s->tokens[token].name);
        return;
    }
    if (s->tokens[token].in_flight > 0)
        s->tokens[token].in_flight--;
    if (in.id == s->checkpoint.id) {
        checkpoint_take(&s->checkpoint, s->audit, &in);
        return;
    }
    struct request *r = find_request(s, in.id);
    if (r == NULL || r->answered || r->token != token)
        return;
    if (in.err == ZEGEL_OK)
        check_signature(r, &in);
    else
        set_reason(r, in.err, in.reason);
}

/* ---- answers ---- */

static const struct milter *find_milter(const struct signer *s, uint64_t serial)
{
    for (unsigned i = 0; i < s->milters_count; i++)
        if (s->milters[i].serial == serial)
            return &s->milters[i];
    return NULL;
}

static void record(struct signer *s, const struct request *r)
{
    struct audit_record a = {
        .time = clock_wall_s(),
        .domain = bytes_str(r->domain),
        .selector = bytes_str(r->selector),
        .key = bytes_str(r->key == NULL ? "" : r->key->uri),
        .queue_id = bytes_str(r->queue_id),
        .client = bytes_str(r->client),
        .block_hash = r->block.data == NULL ? NULL : r->block_hash,
        .body_hash = r->block.data == NULL ? NULL : r->body_hash,
        .verdict = r->err == ZEGEL_OK ? "signed" : r->reason,
    };
    audit_add(s->audit, &a);
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
        log_warn("%s: a milter process does not take its answers", r->queue_id); /* its deadline answers the MTA */
}

/* One group commit for all that was answered in this turn, then the answers. */
static void finish(struct signer *s)
{
    struct buf why = BUF_INIT;
    int64_t now = clock_monotonic_ms();
    for (struct request *r = s->first; r != NULL; r = r->next) {
        if (!r->answered && r->deadline_ms <= now)
            set_reason(r, ZEGEL_ERR_TIMEOUT, BYTES_LIT("the token did not answer in time"));
        if (r->answered)
            record(s, r);
    }
    int err = audit_commit(s->audit, &why);
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
            set_reason(r, err, BYTES_LIT("the audit log cannot be written"));
        if (r->counted && r->err != ZEGEL_OK)
            ceilings_give_back(s->ceilings, r->domain);
        answer(s, r);
        *at = r->next;
        wipe(r->signature, sizeof r->signature);
        free((void *)(uintptr_t)r->block.data);
        free(r);
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

void signer_add_token(struct signer *s, const char *name, int fd)
{
    int token = find_token(s, name);
    if (token < 0) {
        log_error("too many tokens; %s is not used", name);
        (void)close(fd);
        return;
    }
    token_lost(s, (unsigned)token);
    s->tokens[token].fd = fd;
}

/* Takes what is there. False when the peer is gone. */
static bool drain_milter(struct signer *s, const struct milter *m)
{
    for (int i = 0; i < BATCH_MAX; i++) {
        struct pollfd p = {.fd = m->fd, .events = POLLIN};
        size_t len = 0;
        if (i > 0 && poll(&p, 1, 0) <= 0)
            return true;
        int err = io_recv(m->fd, s->packet, sizeof s->packet, &len, NULL);
        if (err == ZEGEL_ERR_CLOSED)
            return false;
        if (err == ZEGEL_OK)
            take_request(s, m, bytes_of(s->packet, len));
    }
    return true;
}

static void drain_token(struct signer *s, unsigned token)
{
    for (int i = 0; i < BATCH_MAX; i++) {
        struct pollfd p = {.fd = s->tokens[token].fd, .events = POLLIN};
        size_t len = 0;
        if (i > 0 && poll(&p, 1, 0) <= 0)
            return;
        int err = io_recv(s->tokens[token].fd, s->packet, sizeof s->packet, &len, NULL);
        if (err == ZEGEL_ERR_CLOSED) {
            log_warn("worker of token %s is gone; what it owed is asked again of the next", s->tokens[token].name);
            token_lost(s, token);
            return;
        }
        if (err == ZEGEL_OK)
            take_token_reply(s, token, bytes_of(s->packet, len));
    }
}

static int next_timeout(const struct signer *s)
{
    int least = 1000;
    for (const struct request *r = s->first; r != NULL; r = r->next) {
        int left = clock_left_ms(r->deadline_ms);
        if (left < least)
            least = left;
    }
    return least;
}

static bool turn(struct signer *s, int control)
{
    struct pollfd p[1 + MILTERS_MAX + TOKENS_MAX];
    unsigned n = 0, milters = s->milters_count, tokens = s->tokens_count;
    send_requests(s); /* a worker may just have come for what waits since the last turn */
    p[n++] = (struct pollfd){.fd = control, .events = POLLIN};
    for (unsigned i = 0; i < milters; i++)
        p[n++] = (struct pollfd){.fd = s->milters[i].fd, .events = s->requests_count < REQUESTS_MAX + 64 ? POLLIN : 0};
    for (unsigned i = 0; i < tokens; i++)
        p[n++] = (struct pollfd){.fd = s->tokens[i].fd, .events = (short)(POLLIN | (s->tokens[i].full ? POLLOUT : 0))};
    if (poll(p, n, next_timeout(s)) < 0)
        return true; /* EINTR */
    for (unsigned i = 0; i < tokens; i++) {
        short got = p[1 + milters + i].revents;
        if (got & POLLOUT)
            s->tokens[i].full = false;
        if (got & (POLLIN | POLLHUP | POLLERR))
            drain_token(s, i);
    }
    for (unsigned i = milters; i-- > 0;)
        if (p[1 + i].revents != 0 && !drain_milter(s, &s->milters[i])) {
            (void)close(s->milters[i].fd);
            s->milters[i] = s->milters[--s->milters_count];
        }
    send_requests(s);
    finish(s);
    send_checkpoint(s);
    save_ceilings(s);
    return p[0].revents == 0;
}

void signer_run(struct signer *s, int control)
{
    while (turn(s, control))
        ;
}

void signer_stop(struct signer *s)
{
    if (s == NULL)
        return;
    s->ceilings_save_ms = 0;
    save_ceilings(s);
}
