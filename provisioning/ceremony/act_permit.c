#include "base/err.h"
#include "ceremony/act.h"
#include "ceremony/standing.h"

int act_permit(const struct act *a, const struct plan_key *k, json_t **data, struct buf *why)
{
    uint8_t id[KEY_ID_MAX];
    size_t id_len;
    struct key key;
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    const char *from = standing_of(json_object_get(a->before, "standings"), buf_cstr(&label), k->spki_sha256);
    *data = NULL;
    int err = act_known(a, k, id, &id_len, why);
    if (err == ZEGEL_OK)
        err = act_find(a->token, bytes_of(id, id_len), &key, why);
    if (err == ZEGEL_OK)
        err = evidence_make(a->token, a->plan, a->plan_hash, k, &key, data, why);
    if (err == ZEGEL_OK)
        err = evidence_check(a->plan, a->plan_hash, k, *data, why);
    if (err == ZEGEL_OK)
        err = standing_enter(a->token, a->plan, a->plan_hash, k, why);
    if (err == ZEGEL_OK) {
        (void)json_object_set_new(*data, "from", json_string(from));
        (void)json_object_set_new(*data, "to", json_string(standing_after(a->plan->action)));
    } else {
        json_decref(*data);
        *data = NULL;
    }
    buf_free(&label);
    return err;
}
