#include "signer/intake.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "dkim/digest.h"
#include "ipc/milter_signer.h"

enum { OCTETS_MAX = 32 * 1024 * 1024, LEFT_MAX_MS = 30000 };

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

void intake_take(struct signer *s, struct milter *m, struct bytes packet)
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
