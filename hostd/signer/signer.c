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
#include "signer/blockcheck.h"

enum {
    MILTERS_MAX = 32,
    TOKENS_MAX = 64,
    REQUESTS_MAX = 4096, /* waiting or under way; more are answered "busy" at once */
    IN_FLIGHT_MAX = 64,  /* at one token worker */
    LEFT_MAX_MS = 30000,
    BATCH_MAX = 64,         /* packets taken from one socket before others have their turn */
    BAD_SIGNATURES_MAX = 2, /* then the key is quarantined */
};

/* What is known of one configured key. Pinned: the first public key the token shows must stay. */
struct known_key {
    char *uri;
    uint8_t spki[IPC_SPKI_MAX];
    size_t spki_len;
    struct digest_key *key;
    unsigned bad_signatures;
    struct known_key *next;
};

struct request {
    uint64_t id;        /* ours, at the token */
    uint64_t milter_id; /* the asker's */
    uint64_t milter;    /* milter.serial: the asker may be gone and its slot reused */
    int64_t deadline_ms;
    unsigned token; /* index into signer.tokens */
    bool sent;
    bool ed25519;
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
    struct milter milters[MILTERS_MAX];
    unsigned milters_count;
    struct token_peer tokens[TOKENS_MAX];
    unsigned tokens_count;
    struct known_key *keys;
    struct request *first, **last; /* all requests, oldest first */
    unsigned requests_count;
    uint64_t next_id, next_serial;
    struct note_key note_key; /* the audit key, once the token has shown it */
    bool note_key_known;
    struct buf checkpoint;  /* the text that is being signed */
    uint64_t checkpoint_id; /* of that request; 0: none under way */
    int64_t checkpoint_deadline_ms;
    uint8_t packet[IO_PACKET_MAX];
};

struct signer *signer_new(struct audit *audit, const char *origin)
{
    struct signer *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->audit = audit;
    (void)snprintf(s->note_key.name, sizeof s->note_key.name, "%s", origin);
    s->last = &s->first;
    return s;
}

/* ---- keys ---- */

static struct known_key *known_key(struct signer *s, const char *uri)
{
    for (struct known_key *k = s->keys; k != NULL; k = k->next)
        if (strcmp(k->uri, uri) == 0)
            return k;
    struct known_key *k = calloc(1, sizeof *k);
    if (k == NULL || (k->uri = strdup(uri)) == NULL) {
        free(k);
        return NULL;
    }
    k->next = s->keys;
    s->keys = k;
    return k;
}

/* The public key the token says it used: remember it, or compare. */
static bool pin_key(struct known_key *k, struct bytes spki)
{
    if (k->key != NULL)
        return bytes_eq(spki, bytes_of(k->spki, k->spki_len));
    k->key = digest_key_from_spki(spki);
    if (k->key == NULL || spki.len > sizeof k->spki)
        return false;
    memcpy(k->spki, spki.data, spki.len);
    k->spki_len = spki.len;
    return true;
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

static const struct config_key *find_key(const struct config_domain *d, struct bytes selector)
{
    for (unsigned i = 0; d != NULL && i < d->keys_count; i++)
        if (bytes_eq(bytes_str(d->keys[i].selector), selector))
            return &d->keys[i];
    return NULL;
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

/* Everything that decides whether this may be signed at all. */
static void judge(struct signer *s, const struct sign_request *in, struct request *r)
{
    const struct config_domain *d = config_find_domain(s->config, in->domain);
    const struct config_key *k = find_key(d, in->selector);
    struct sigheader sig;
    if (k == NULL || !bytes_eq(bytes_str(d->domain), in->domain)) {
        set_reason(r, ZEGEL_ERR_REFUSED, BYTES_LIT("no such domain and selector in the configuration"));
        return;
    }
    const char *bad = blockcheck(in->block, d, k, clock_wall_s(), &sig);
    if (bad != NULL) {
        log_error("%s: refused to sign for d=%s s=%s: %s", r->queue_id, r->domain, r->selector, bad);
        set_reason(r, ZEGEL_ERR_REFUSED, bytes_str(bad));
        return;
    }
    int token = find_token(s, s->config->tokens[k->token].name);
    r->key = known_key(s, k->key);
    uint8_t *block = malloc(in->block.len);
    if (token < 0 || r->key == NULL || block == NULL) {
        free(block);
        set_reason(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
        return;
    }
    memcpy(block, in->block.data, in->block.len);
    r->block = bytes_of(block, in->block.len);
    r->token = (unsigned)token;
    r->ed25519 = k->algorithm == CONFIG_ED25519_SHA256;
    memcpy(r->body_hash, sig.bh, sizeof r->body_hash);
    if (!digest_sha256(r->block, r->block_hash))
        set_reason(r, ZEGEL_ERR_NOMEM, BYTES_LIT("out of memory"));
    else if (r->key->bad_signatures >= BAD_SIGNATURES_MAX)
        set_reason(r, ZEGEL_ERR_KEY_UNUSABLE, BYTES_LIT("key is quarantined: the token made signatures that do not verify"));
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
        judge(s, &in, r);
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
            .data = r->ed25519 ? bytes_of(r->block_hash, DKIM_HASH_LEN) : r->block,
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

/* DESIGN §2 rule 3: nothing is released that the public key does not confirm. */
static void check_signature(struct request *r, const struct token_reply *in)
{
    struct known_key *k = r->key;
    if (!pin_key(k, in->spki)) {
        log_error("key %s: the token shows another public key than before, or none that can be read; not used", k->uri);
        set_reason(r, ZEGEL_ERR_KEY_UNUSABLE, BYTES_LIT("the token shows another public key than before"));
        return;
    }
    if ((digest_key_type(k->key) == DIGEST_KEY_ED25519) != r->ed25519) {
        set_reason(r, ZEGEL_ERR_KEY_UNUSABLE, BYTES_LIT("the key on the token is not of the configured algorithm"));
        return;
    }
    if (!digest_verify(k->key, r->block_hash, in->signature)) {
        k->bad_signatures++;
        log_error("key %s: the token made a signature that does not verify (%u); not released%s", k->uri, k->bad_signatures,
                  k->bad_signatures >= BAD_SIGNATURES_MAX ? "; KEY QUARANTINED until zegeld is restarted" : "");
        set_reason(r, ZEGEL_ERR_BAD_SIGNATURE, BYTES_LIT("the token made a signature that does not verify"));
        return;
    }
    memcpy(r->signature, in->signature.data, in->signature.len);
    r->signature_len = in->signature.len;
    r->err = ZEGEL_OK;
    r->answered = true;
}

/* ---- checkpoints: the root of the audit log, signed in the token ---- */

enum { CHECKPOINT_WITHIN_MS = 5000 };

static void send_checkpoint(struct signer *s)
{
    int64_t now = clock_monotonic_ms();
    if (s->checkpoint_id != 0 && now > s->checkpoint_deadline_ms)
        s->checkpoint_id = 0; /* the next one covers what this one would have */
    if (s->checkpoint_id != 0 || s->config->audit.key == NULL || !audit_checkpoint_due(s->audit, now))
        return;
    int token = find_token(s, s->config->tokens[s->config->audit.token].name);
    if (token < 0 || s->tokens[token].fd < 0 || s->tokens[token].full)
        return;
    buf_clear(&s->checkpoint);
    audit_checkpoint_text(s->audit, now, &s->checkpoint);
    struct token_request out = {.id = ++s->next_id,
                                .left_ms = CHECKPOINT_WITHIN_MS,
                                .key = bytes_str(s->config->audit.key),
                                .data = buf_bytes(&s->checkpoint)};
    struct packer p = {.data = s->packet, .cap = sizeof s->packet};
    if (s->checkpoint.failed || !token_request_pack(&out, &p) ||
        io_send(s->tokens[token].fd, bytes_of(p.data, p.len), -1) != ZEGEL_OK)
        return;
    s->checkpoint_id = out.id;
    s->checkpoint_deadline_ms = now + CHECKPOINT_WITHIN_MS;
    s->tokens[token].in_flight++;
}

/* RFC 8410: twelve octets of AlgorithmIdentifier and BIT STRING head, then the key. */
static bool learn_note_key(struct signer *s, struct bytes spki)
{
    static const uint8_t head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    if (spki.len != sizeof head + NOTE_KEY_LEN || !bytes_has_prefix(spki, bytes_of(head, sizeof head)))
        return false;
    if (s->note_key_known)
        return memcmp(s->note_key.public_key, spki.data + sizeof head, NOTE_KEY_LEN) == 0;
    memcpy(s->note_key.public_key, spki.data + sizeof head, NOTE_KEY_LEN);
    s->note_key_known = true;
    return true;
}

static void take_checkpoint(struct signer *s, const struct token_reply *in)
{
    struct buf why = BUF_INIT;
    s->checkpoint_id = 0;
    if (in->err != ZEGEL_OK)
        buf_addf(&why, "%.*s", (int)in->reason.len, (const char *)in->reason.data);
    else if (!learn_note_key(s, in->spki))
        buf_add_str(&why, "audit.key is not an Ed25519 key, or not the one it was");
    else if (in->signature.len != NOTE_SIGNATURE_LEN ||
             !note_signature_holds(&s->note_key, buf_bytes(&s->checkpoint), in->signature))
        buf_add_str(&why, "the token made a signature that does not verify");
    else
        (void)audit_checkpoint_write(s->audit, &s->note_key, buf_bytes(&s->checkpoint), in->signature.data, &why);
    if (why.len > 0)
        log_error("audit log: no checkpoint: %s", buf_cstr(&why));
    buf_free(&why);
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
    if (in.id == s->checkpoint_id) {
        take_checkpoint(s, &in);
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

void signer_set_config(struct signer *s, struct config *c)
{
    config_free(s->config);
    s->config = c;
}

void signer_add_milter(struct signer *s, int fd)
{
    if (s->milters_count == MILTERS_MAX) {
        log_error("too many milter processes; one is not served");
        (void)close(fd);
        return;
    }
    s->milters[s->milters_count++] = (struct milter){.fd = fd, .serial = ++s->next_serial};
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
    return p[0].revents == 0;
}

void signer_run(struct signer *s, int control)
{
    while (turn(s, control))
        ;
}
