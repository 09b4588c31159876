#include "milter/keylookup.h"

#include "base/clock.h"
#include "base/err.h"

static struct client resolver;

static bool pack(const struct client_call *call, uint64_t id, uint32_t left_ms, struct packer *p)
{
    const struct keylookup_one *k = (const struct keylookup_one *)call;
    struct key_request r = {.id = id, .left_ms = left_ms, .name = bytes_str(k->name)};
    return key_request_pack(&r, p);
}

static bool read_id(struct bytes packet, uint64_t *id)
{
    struct key_reply r;
    bool ok = key_reply_unpack(packet, &r);
    *id = r.id;
    return ok;
}

static void take(struct bytes packet, struct client_call *call)
{
    struct keylookup_one *k = (struct keylookup_one *)call;
    struct key_reply r;
    if (!key_reply_unpack(packet, &r))
        return;
    k->call.err = ZEGEL_OK;
    k->status = r.status;
    k->security = r.security;
    k->txt_len = r.txt.len;
    if (r.txt.len > 0)
        memcpy(k->txt, r.txt.data, r.txt.len);
}

int keylookup_start(void)
{
    static const struct client_kind kind = {.peer = "resolver", .pack = pack, .read_id = read_id, .take = take};
    return client_start(&resolver, &kind);
}

void keylookup_set_peer(int fd)
{
    client_set_peer(&resolver, fd);
}

static const struct keylookup_one *find(const struct keylookup *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (strcasecmp(k->list[i].name, name) == 0)
            return &k->list[i];
    return NULL;
}

/* Notes what is asked for, and has no answer yet. */
static enum verify_key_status collect(void *arg, const char *name, struct verify_key *key)
{
    struct keylookup *k = arg;
    (void)key;
    size_t len = strlen(name);
    if (len > IPC_NAME_MAX)
        return VERIFY_KEY_NONE;
    if (k->count == DKIM_SIGNATURES_MAX || find(k, name) != NULL)
        return VERIFY_KEY_TRY_LATER;
    struct keylookup_one *one = &k->list[k->count++];
    memcpy(one->name, name, len + 1);
    one->status = KEY_TRY_LATER;
    one->security = KEY_INSECURE;
    one->txt_len = 0;
    return VERIFY_KEY_TRY_LATER;
}

void keylookup_run(struct keylookup *k, const struct dkim_sign *m, int64_t now)
{
    struct verification ignored[VERIFY_RESULTS_MAX];
    struct client_call *calls[DKIM_SIGNATURES_MAX];
    k->count = 0;
    (void)verify_message(m, now, collect, k, ignored);
    for (size_t i = 0; i < k->count; i++)
        calls[i] = &k->list[i].call;
    if (k->count > 0)
        client_ask(&resolver, calls, k->count, clock_monotonic_ms() + KEYLOOKUP_WITHIN_MS);
}

enum verify_key_status keylookup_find(void *arg, const char *name, struct verify_key *key)
{
    static const enum verify_dnssec dnssec[] = {
        [KEY_INSECURE] = VERIFY_DNSSEC_INSECURE, [KEY_SECURE] = VERIFY_DNSSEC_SECURE, [KEY_BOGUS] = VERIFY_DNSSEC_BOGUS};
    static const enum verify_key_status status[] = {[KEY_FOUND] = VERIFY_KEY_FOUND,
                                                    [KEY_NONE] = VERIFY_KEY_NONE,
                                                    [KEY_MANY] = VERIFY_KEY_MANY,
                                                    [KEY_TRY_LATER] = VERIFY_KEY_TRY_LATER};
    const struct keylookup_one *one = find(arg, name);
    if (one == NULL)
        return VERIFY_KEY_NONE; /* longer than a name can be */
    if (one->status != KEY_TRY_LATER || one->security == KEY_BOGUS)
        key->dnssec = dnssec[one->security];
    if (one->status == KEY_FOUND)
        out_add(&key->txt, bytes_of(one->txt, one->txt_len));
    return status[one->status];
}
