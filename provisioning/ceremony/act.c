#include "ceremony/act.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "ceremony/keycheck.h"
#include "ceremony/standing.h"
#include "pkcs11/attr.h"
#include "pkcs11/ckr.h"

enum { WITHIN_MS = 20000, OBJECTS_MAX = 16 };

int act_objects(struct token *t, struct bytes id, const char *label, bool destroy, CK_ULONG *count, struct buf *why)
{
    CK_ATTRIBUTE template = {id.len > 0 ? CKA_ID : CKA_LABEL, id.len > 0 ? (void *)(uintptr_t)id.data : (void *)(uintptr_t)label,
                             id.len > 0 ? id.len : strlen(label)};
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    CK_SESSION_HANDLE session;
    CK_SESSION_INFO info;
    uint64_t epoch;
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    struct attr_session s = {t->module->f, session, NULL};
    CK_RV rv = attr_find(s, &template, 1, found, OBJECTS_MAX, count);
    for (CK_ULONG i = 0; destroy && rv == CKR_OK && i < *count && i < OBJECTS_MAX; i++)
        rv = s.f->C_DestroyObject(session, found[i]);
    if (rv == CKR_OK)
        rv = s.f->C_GetSessionInfo(session, &info);
    if (rv == CKR_OK && info.state != CKS_RW_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    token_release(t, session, epoch, rv);
    if (rv != CKR_OK)
        buf_addf(why, "token %s: looking for %s: %s; %s", t->cfg.name, label, ckr_name(rv), ckr_advice(rv));
    return rv == CKR_OK ? ZEGEL_OK : ckr_to_err(rv);
}

int act_find(struct token *t, struct bytes id, struct key *key, struct buf *why)
{
    struct buf uri = BUF_INIT;
    buf_add_str(&uri, "pkcs11:id=");
    for (size_t i = 0; i < id.len; i++)
        buf_addf(&uri, "%%%02x", id.data[i]);
    int err = key_find(t, buf_cstr(&uri), key, why);
    buf_free(&uri);
    return err;
}

static const char *text_of(const json_t *e, const char *name)
{
    const char *s = json_string_value(json_object_get(e, name));
    return s == NULL ? "" : s;
}

static const json_t *inventory_find(const json_t *inventory, const char *name, const char *value)
{
    for (size_t i = 0; i < json_array_size(inventory); i++)
        if (strcmp(text_of(json_array_get(inventory, i), name), value) == 0)
            return json_array_get(inventory, i);
    return NULL;
}

/* ---- generate ---- */

static int make_or_adopt(const struct act *a, const struct plan_key *k, const char *label, const uint8_t id[KEY_ID_LEN],
                         struct key *key, struct buf *why)
{
    struct token *t = a->token;
    const bool resuming = a->resuming;
    struct key_wish wish = {.type = k->algorithm == PLAN_ED25519 ? KEY_ED25519 : KEY_RSA,
                            .bits = plan_algorithm_bits(k->algorithm),
                            .label = label,
                            .may_leave = a->plan->backup.rule == PLAN_BACKUP_WRAP,
                            .unchecked = a->plan->backup.rule == PLAN_BACKUP_DKEK};
    CK_ULONG by_id = 0, by_label = 0;
    int err = act_objects(t, bytes_of(id, KEY_ID_LEN), label, false, &by_id, why);
    if (err == ZEGEL_OK)
        err = act_objects(t, bytes_of(NULL, 0), label, false, &by_label, why);
    if (err != ZEGEL_OK)
        return err;
    memcpy(wish.id, id, KEY_ID_LEN);
    if (by_id == 0 && by_label == 0) {
        err = key_generate_as(t, &wish, key, why);
        return err == ZEGEL_OK && wish.unchecked ? token_restart(t, a->second, why) : err;
    }
    if (resuming && by_id == 2 && by_label == 2)
        return act_find(t, bytes_of(id, KEY_ID_LEN), key, why);
    if (!resuming)
        buf_addf(why, "%s: is on the token already; a selector is never used twice, plan another", label);
    else
        buf_addf(why,
                 "%s: the token holds something half-made of that name (%lu objects with its CKA_ID, %lu with its label); "
                 "note an exception, destroy it by hand, then run again",
                 label, by_id, by_label);
    return ZEGEL_ERR_REFUSED;
}

/* On the token before, with a standing there, or made in the ceremony before this one. */
static bool was_seen(const struct act *a, const char *spki_sha256)
{
    return inventory_find(json_object_get(a->before, "keys"), "spki_sha256", spki_sha256) != NULL ||
           inventory_find(json_object_get(a->before, "standings"), "spki_sha256", spki_sha256) != NULL ||
           inventory_find(a->earlier, "spki_sha256", spki_sha256) != NULL;
}

int act_generate(const struct act *a, const struct plan_key *k, json_t **data, struct buf *why)
{
    struct token *t = a->token;
    uint8_t id[KEY_ID_LEN];
    struct key key;
    struct buf label = BUF_INIT, ignored = BUF_INIT;
    evidence_id(a->plan_hash, k, id);
    plan_label(k, &label);
    *data = NULL;
    int err = make_or_adopt(a, k, buf_cstr(&label), id, &key, why);
    if (err != ZEGEL_OK)
        goto out;
    err = evidence_make(t, a->plan, a->plan_hash, k, &key, data, why);
    if (err != ZEGEL_OK)
        goto out;
    err = evidence_check(a->plan, a->plan_hash, k, *data, why);
    if (err == ZEGEL_OK && was_seen(a, text_of(*data, "spki_sha256"))) {
        buf_addf(why, "key %s: the token made a key that it had before", buf_cstr(&label));
        err = ZEGEL_ERR_KEY_UNUSABLE;
    }
    if (err != ZEGEL_OK) {
        bool gone = key_destroy(t, &key, &ignored) == ZEGEL_OK;
        buf_addf(why, "; it was %s", gone ? "destroyed again" : "to be destroyed, and that failed: do it by hand");
        json_decref(*data);
        *data = NULL;
    }
out:
    buf_free(&label);
    buf_free(&ignored);
    return err;
}

/* ---- destroy ---- */

static int destroy_what_is_left(struct token *t, struct bytes id, const struct plan_key *k, const char *label, CK_ULONG count,
                                bool resuming, struct buf *why)
{
    struct key key;
    char print[CANON_HEX];
    if (count == 0 && resuming)
        return ZEGEL_OK;
    if (count == 1 && resuming) /* cut off between the two halves, which the inventory showed to be the planned pair */
        return act_objects(t, id, label, true, &count, why);
    int err = act_find(t, id, &key, why);
    if (err != ZEGEL_OK)
        return err;
    canon_hash(bytes_of(key.spki, key.spki_len), print);
    if (strcmp(print, k->spki_sha256) == 0)
        return key_destroy(t, &key, why);
    buf_addf(why, "%s: the token holds another key (%.16s...) than the plan says (%.16s...); nothing was destroyed", label, print,
             k->spki_sha256);
    return ZEGEL_ERR_REFUSED;
}

int act_known(const struct act *a, const struct plan_key *k, uint8_t id[KEY_ID_MAX], size_t *id_len, struct buf *why)
{
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    const json_t *known = inventory_find(json_object_get(a->before, "keys"), "label", buf_cstr(&label));
    const char *now = standing_of(json_object_get(a->before, "standings"), buf_cstr(&label), k->spki_sha256);
    const char *wrong = known == NULL ? "the token holds no such key"
                        : strcmp(text_of(known, "spki_sha256"), k->spki_sha256) != 0
                            ? "the token holds another key of that name than the plan says"
                            : standing_forbids(a->plan->action, now);
    (void)bytes_unhex(bytes_str(text_of(known, "id")), id, KEY_ID_MAX, id_len);
    if (wrong == NULL && *id_len == 0)
        wrong = "the key has no CKA_ID";
    if (wrong != NULL)
        buf_addf(why, "%s: %s; nothing was done", buf_cstr(&label), wrong);
    buf_free(&label);
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_REFUSED;
}

int act_destroy(const struct act *a, const struct plan_key *k, json_t **data, struct buf *why)
{
    uint8_t room[KEY_ID_MAX];
    size_t id_len;
    CK_ULONG by_id = 0, by_label = 0;
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    const char *name = buf_cstr(&label);
    *data = NULL;
    int err = act_known(a, k, room, &id_len, why);
    struct bytes id = bytes_of(room, id_len);
    if (err == ZEGEL_OK)
        err = act_objects(a->token, id, name, false, &by_id, why);
    if (err == ZEGEL_OK)
        err = destroy_what_is_left(a->token, id, k, name, by_id, a->resuming, why);
    if (err == ZEGEL_OK)
        err = act_objects(a->token, id, name, false, &by_id, why);
    if (err == ZEGEL_OK)
        err = act_objects(a->token, bytes_of(NULL, 0), name, false, &by_label, why);
    if (err == ZEGEL_OK && by_id + by_label > 0) {
        buf_addf(why, "%s: the token still shows it", name);
        err = ZEGEL_ERR_MODULE;
    }
    if (err == ZEGEL_OK) {
        const json_t *known = inventory_find(json_object_get(a->before, "keys"), "label", name);
        *data = json_pack("{s:s, s:s, s:s, s:b}", "label", name, "id", text_of(known, "id"), "spki_sha256", k->spki_sha256,
                          "absent", 1);
    }
    buf_free(&label);
    return err;
}

int act_possible(const struct act *a, const struct plan_key *k, struct buf *why)
{
    uint8_t id[KEY_ID_MAX];
    size_t id_len;
    struct buf label = BUF_INIT;
    if (a->plan->action != PLAN_GENERATE)
        return act_known(a, k, id, &id_len, why);
    plan_label(k, &label);
    bool there = inventory_find(json_object_get(a->before, "keys"), "label", buf_cstr(&label)) != NULL;
    bool was = inventory_find(json_object_get(a->before, "standings"), "label", buf_cstr(&label)) != NULL;
    if (there || was)
        buf_addf(why, "%s: %s; a selector is never used twice, plan another", buf_cstr(&label),
                 there ? "is on the token already" : "was the name of a key before");
    buf_free(&label);
    return there || was ? ZEGEL_ERR_REFUSED : ZEGEL_OK;
}
