#include "signer/release.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "figures/figures.h"

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
void release_answered(struct signer *s)
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
