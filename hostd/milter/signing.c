#include "milter/signing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "dkim/survive.h"
#include "milter/client.h"

/* One signature on its way: the field so far, the block that is being signed, the answer. */
struct pending {
    struct client_call call; /* first: client.h */
    struct sign_request request;
    uint8_t signature[IPC_SIGNATURE_MAX];
    size_t signature_len;
    char reason[IPC_REASON_MAX + 1];
    struct out value;
    uint8_t value_room[DKIM_FIELD_MAX];
    uint8_t block_room[DKIM_BLOCK_MAX];
};

struct signing {
    struct pending *pending;
    unsigned room;    /* for so many */
    char reason[256]; /* of the last SIGNING_REFUSED */
};

static struct client signer;

static bool pack(const struct client_call *call, uint64_t id, uint32_t left_ms, struct packer *p)
{
    struct sign_request r = ((const struct pending *)call)->request;
    r.id = id;
    r.left_ms = left_ms;
    return sign_request_pack(&r, p);
}

static bool read_id(struct bytes packet, uint64_t *id)
{
    struct sign_reply r;
    bool ok = sign_reply_unpack(packet, &r);
    *id = r.id;
    return ok;
}

static void take(struct bytes packet, struct client_call *call)
{
    struct pending *p = (struct pending *)call;
    struct sign_reply r;
    if (!sign_reply_unpack(packet, &r))
        return;
    p->call.err = r.err;
    p->signature_len = r.signature.len;
    memcpy(p->signature, r.signature.data, r.signature.len);
    memcpy(p->reason, r.reason.data, r.reason.len);
    p->reason[r.reason.len] = '\0';
}

int signing_start(void)
{
    static const struct client_kind kind = {.peer = "signer", .pack = pack, .read_id = read_id, .take = take};
    return client_start(&signer, &kind);
}

void signing_set_peer(int fd)
{
    client_set_peer(&signer, fd);
}

struct signing *signing_new(void)
{
    return calloc(1, sizeof(struct signing));
}

void signing_free(struct signing *s)
{
    if (s != NULL)
        free(s->pending);
    free(s);
}

static bool make_room(struct signing *s, unsigned count)
{
    if (count <= s->room)
        return true;
    free(s->pending);
    s->pending = malloc(count * sizeof *s->pending);
    s->room = s->pending == NULL ? 0 : count;
    return s->room > 0;
}

static bool prepare(const struct dkim_sign *m, const struct sigheader_params *params, const struct select_policy *headers,
                    struct pending *p)
{
    struct out block = out_of(p->block_room, sizeof p->block_room);
    p->value = out_of(p->value_room, sizeof p->value_room);
    p->signature_len = 0;
    p->reason[0] = '\0';
    if (!dkim_sign_block(m, params, headers, &p->value, &block))
        return false;
    p->request.block = out_bytes(&block);
    return true;
}

static enum signing_result answer(enum signing_result r, const char *text, const char **reason)
{
    *reason = text;
    return r;
}

/* Will the signatures break on the way? True when the domain wants such mail refused; otherwise it is said in the log. */
static bool refuses_risks(struct signing *s, const struct dkim_sign *m, const struct config_domain *d, struct bytes queue_id)
{
    struct survive_risk risks[SURVIVE_RISKS_MAX];
    if (d->survive == CONFIG_SURVIVE_OFF)
        return false;
    size_t n = survive_risks(m, &d->headers, d->seven_bit, risks);
    for (size_t i = 0; i < n; i++) {
        struct bytes where = risks[i].field.data == NULL ? BYTES_LIT("body") : risks[i].field;
        (void)snprintf(s->reason, sizeof s->reason, "%.*s: %s", (int)where.len, (const char *)where.data, risks[i].what);
        if (d->survive == CONFIG_SURVIVE_REFUSE)
            return true;
        log_warn("%.*s: domain=%s: the signature may not survive: %s", (int)queue_id.len, (const char *)queue_id.data, d->domain,
                 s->reason);
    }
    return false;
}

enum signing_result signing_run(struct signing *s, const struct dkim_sign *m, const struct config_domain *d,
                                struct bytes queue_id, const char *client, const char **reason)
{
    struct client_call *calls[CLIENT_CALLS_MAX];
    int64_t now = clock_wall_s();
    if (refuses_risks(s, m, d, queue_id))
        return answer(SIGNING_REFUSED, s->reason, reason);
    if (d->keys_count > CLIENT_CALLS_MAX || !make_room(s, d->keys_count))
        return answer(SIGNING_FAILED, "out of memory", reason);
    for (unsigned i = 0; i < d->keys_count; i++) {
        struct pending *p = &s->pending[i];
        struct sigheader_params params = config_sigheader(d, &d->keys[i], now);
        p->request = (struct sign_request){.domain = params.domain,
                                           .selector = params.selector,
                                           .queue_id = bytes_slice(queue_id, 0, IPC_ID_MAX),
                                           .client = bytes_slice(bytes_str(client), 0, IPC_ID_MAX)};
        if (!prepare(m, &params, &d->headers, p))
            return answer(SIGNING_REFUSED, "header fields to be signed are too many or too large", reason);
        calls[i] = &p->call;
    }
    client_ask(&signer, calls, d->keys_count, clock_monotonic_ms() + SIGNING_WITHIN_MS);
    for (unsigned i = 0; i < d->keys_count; i++) {
        struct pending *p = &s->pending[i];
        if (p->call.err != ZEGEL_OK)
            return answer(SIGNING_FAILED, p->reason[0] != '\0' ? p->reason : zegel_strerror(p->call.err), reason);
        sigheader_add_signature(bytes_of(p->signature, p->signature_len), &p->value);
        if (p->value.overflow)
            return answer(SIGNING_FAILED, "the signature does not fit into its field", reason);
    }
    return SIGNING_DONE;
}

struct bytes signing_value(const struct signing *s, unsigned i)
{
    return out_bytes(&s->pending[i].value);
}
