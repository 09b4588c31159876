#include "ceremony/evidence.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "dkim/base64.h"
#include "dkim/keyrecord.h"
#include "pkcs11/sign.h"

enum { SIGN_WITHIN_MS = 60000 };

static json_t *base64(struct bytes data)
{
    char room[BASE64_LEN(KEY_SPKI_MAX) + 1];
    struct out out = out_of(room, sizeof room);
    base64_encode(data, &out);
    return json_stringn(room, out.len);
}

static json_t *said(int value)
{
    return value < 0 ? json_null() : json_boolean(value);
}

static json_t *attributes(const struct key_attributes *a)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "CKA_SENSITIVE", said(a->sensitive),
                     "CKA_ALWAYS_SENSITIVE", said(a->always_sensitive), "CKA_EXTRACTABLE", said(a->extractable),
                     "CKA_NEVER_EXTRACTABLE", said(a->never_extractable), "CKA_LOCAL", said(a->local), "CKA_MODIFIABLE",
                     said(a->modifiable), "CKA_COPYABLE", said(a->copyable), "CKA_SIGN", said(a->sign), "CKA_DECRYPT",
                     said(a->decrypt), "CKA_UNWRAP", said(a->unwrap), "CKA_DERIVE", said(a->derive), "CKA_SIGN_RECOVER",
                     said(a->sign_recover));
}

int evidence_attributes(struct token *t, const struct key *key, json_t **out, struct buf *why)
{
    struct key_attributes a;
    int err = key_attributes(t, key, &a, why);
    *out = err == ZEGEL_OK ? attributes(&a) : NULL;
    return err;
}

int evidence_prove(struct token *t, struct key *key, struct bytes challenge, json_t **proof, struct buf *why)
{
    uint8_t sig[SIGN_MAX];
    size_t len = 0;
    *proof = NULL;
    int err = sign_block(t, key, challenge, clock_monotonic_ms() + SIGN_WITHIN_MS, sig, &len, why);
    if (err == ZEGEL_OK)
        *proof = base64(bytes_of(sig, len));
    return err;
}

static json_t *record(const struct plan_key *k, struct bytes spki)
{
    uint8_t room[DKIM_KEYRECORD_MAX];
    struct out txt = out_of(room, sizeof room);
    struct buf name = BUF_INIT;
    buf_addf(&name, "%s._domainkey.%s.", k->selector, k->domain);
    json_t *j = keyrecord_make_of(spki, &txt)
                    ? json_pack("{s:s, s:s#}", "name", buf_cstr(&name), "txt", (const char *)room, (int)txt.len)
                    : NULL;
    buf_free(&name);
    return j;
}

int evidence_make(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, struct key *key,
                  json_t **out, struct buf *why)
{
    char id[2 * KEY_ID_MAX + 1], print[CANON_HEX];
    json_t *shown = NULL, *proof = NULL;
    struct buf challenge = BUF_INIT;
    struct bytes spki = bytes_of(key->spki, key->spki_len);
    bytes_hex(bytes_of(key->id, key->id_len), id);
    canon_hash(spki, print);
    evidence_challenge(p, plan_hash, k, print, &challenge);
    int err = evidence_attributes(t, key, &shown, why);
    if (err == ZEGEL_OK)
        err = evidence_prove(t, key, buf_bytes(&challenge), &proof, why);
    *out = err != ZEGEL_OK ? NULL
                           : json_pack("{s:s, s:s, s:s, s:o, s:s, s:O, s:O, s:o}", "label", key->label, "id", id, "algorithm",
                                       plan_algorithm_name(k->algorithm), "spki", base64(spki), "spki_sha256", print,
                                       "attributes", shown, "proof", proof, "record", record(k, spki));
    json_decref(shown);
    json_decref(proof);
    if (err == ZEGEL_OK && *out == NULL)
        err = ZEGEL_ERR_NOMEM;
    buf_free(&challenge);
    return err;
}

static int by_label(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    return order != 0 ? order : memcmp(x->id, y->id, sizeof x->id);
}

int evidence_inventory(struct token *t, json_t **out, struct buf *why)
{
    struct key *keys;
    size_t count;
    char id[2 * KEY_ID_MAX + 1], print[CANON_HEX];
    int err = key_list(t, &keys, &count, why);
    *out = NULL;
    if (err != ZEGEL_OK)
        return err;
    qsort(keys, count, sizeof *keys, by_label);
    *out = json_array();
    for (size_t i = 0; i < count; i++) {
        bytes_hex(bytes_of(keys[i].id, keys[i].id_len), id);
        canon_hash(bytes_of(keys[i].spki, keys[i].spki_len), print);
        (void)json_array_append_new(*out, json_pack("{s:s, s:s, s:s}", "label", keys[i].label, "id", id, "spki_sha256", print));
    }
    free(keys);
    return ZEGEL_OK;
}
