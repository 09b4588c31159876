#include <stdio.h>

#include "base/err.h"
#include "ceremony/evidence.h"
#include "ceremony/keycheck.h"
#include "dkim/base64.h"
#include "dkim/keyrecord.h"

void evidence_id(const char *plan_hash, const struct plan_key *k, uint8_t id[KEY_ID_LEN])
{
    uint8_t hash[DKIM_HASH_LEN] = {0};
    struct buf text = BUF_INIT;
    buf_addf(&text, "%s/%s/%s", plan_hash, k->domain, k->selector);
    (void)digest_sha256(buf_bytes(&text), hash);
    memcpy(id, hash, KEY_ID_LEN);
    buf_free(&text);
}

void evidence_challenge(const struct plan *p, const char *plan_hash, const struct plan_key *k, const char *spki_sha256,
                        struct buf *out)
{
    buf_addf(out, "zegel ceremony proof of possession\n%s\n%s\n%s/%s\n%s\n", plan_hash, p->nonce, k->domain, k->selector,
             spki_sha256);
}

static const char *text_of(const json_t *e, const char *name)
{
    const char *s = json_string_value(json_object_get(e, name));
    return s == NULL ? "" : s;
}

static struct bytes decode(const json_t *e, const char *name, uint8_t *room, size_t cap)
{
    struct out out = out_of(room, cap);
    return base64_decode(bytes_str(text_of(e, name)), &out) ? out_bytes(&out) : bytes_of(NULL, 0);
}

/* What the plan asks for, and what PKCS#11 derives of it. A token may keep silent on the optional ones. */
static const char *wrong_attribute(const struct plan_template *t, const json_t *a)
{
    const struct {
        const char *name;
        bool want, may_be_silent;
    } all[] = {{"CKA_SIGN", t->sign, false},
               {"CKA_SENSITIVE", t->sensitive, false},
               {"CKA_ALWAYS_SENSITIVE", true, false},
               {"CKA_EXTRACTABLE", t->extractable, false},
               {"CKA_NEVER_EXTRACTABLE", !t->extractable, false},
               {"CKA_LOCAL", true, false},
               {"CKA_MODIFIABLE", t->modifiable, false},
               {"CKA_COPYABLE", t->copyable, true},
               {"CKA_DECRYPT", t->decrypt, true},
               {"CKA_UNWRAP", t->unwrap, true},
               {"CKA_DERIVE", t->derive, true},
               {"CKA_SIGN_RECOVER", t->sign_recover, true}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const json_t *v = json_object_get(a, all[i].name);
        if (!(json_is_boolean(v) && json_is_true(v) == all[i].want) && !(json_is_null(v) && all[i].may_be_silent))
            return all[i].name;
    }
    return json_object_size(a) == sizeof all / sizeof all[0] ? NULL : "an attribute that nobody knows";
}

static bool proof_fits(const struct plan *p, const char *plan_hash, const struct plan_key *k, const char *print,
                       struct bytes spki, struct bytes proof)
{
    uint8_t hash[DKIM_HASH_LEN];
    struct buf challenge = BUF_INIT;
    struct digest_key *public = digest_key_from_spki(spki);
    evidence_challenge(p, plan_hash, k, print, &challenge);
    bool ok = public != NULL && digest_sha256(buf_bytes(&challenge), hash) && digest_verify(public, hash, proof);
    digest_key_free(public);
    buf_free(&challenge);
    return ok;
}

static bool record_fits(const struct plan_key *k, struct bytes spki, const json_t *record)
{
    uint8_t room[DKIM_KEYRECORD_MAX];
    struct out txt = out_of(room, sizeof room);
    struct buf name = BUF_INIT;
    struct digest_key *public = digest_key_from_spki(spki);
    if (public != NULL)
        keyrecord_make(public, &txt);
    buf_addf(&name, "%s._domainkey.%s.", k->selector, k->domain);
    bool ok = public != NULL && !txt.overflow && json_object_size(record) == 2 &&
              strcmp(text_of(record, "name"), buf_cstr(&name)) == 0 &&
              bytes_eq(out_bytes(&txt), bytes_str(text_of(record, "txt")));
    digest_key_free(public);
    buf_free(&name);
    return ok;
}

/* A key that the ceremony made has the one CKA_ID; one that was there before has any. */
static bool id_fits(const char *plan_hash, const struct plan_key *k, const char *text)
{
    uint8_t id[KEY_ID_LEN];
    char want[2 * KEY_ID_LEN + 1];
    size_t len = strlen(text);
    if (k->spki_sha256 != NULL)
        return len > 0 && len <= 2 * (size_t)KEY_ID_MAX && len % 2 == 0 && strspn(text, "0123456789abcdef") == len;
    evidence_id(plan_hash, k, id);
    for (size_t i = 0; i < sizeof id; i++)
        (void)snprintf(want + 2 * i, 3, "%02x", id[i]);
    return strcmp(text, want) == 0;
}

int evidence_check(const struct plan *p, const char *plan_hash, const struct plan_key *k, const json_t *e, struct buf *why)
{
    uint8_t spki_room[KEY_SPKI_MAX], proof_room[KEY_SPKI_MAX];
    char print[CANON_HEX];
    struct buf label = BUF_INIT, reason = BUF_INIT;
    struct bytes spki = decode(e, "spki", spki_room, sizeof spki_room), proof = decode(e, "proof", proof_room, sizeof proof_room);
    const char *wrong = NULL, *attribute = wrong_attribute(&p->template, json_object_get(e, "attributes"));
    plan_label(k, &label);
    canon_hash(spki, print);
    if (json_object_size(e) != 8U + (json_object_get(e, "from") != NULL) + (json_object_get(e, "to") != NULL) ||
        strcmp(text_of(e, "label"), buf_cstr(&label)) != 0 || !id_fits(plan_hash, k, text_of(e, "id")) ||
        strcmp(text_of(e, "algorithm"), plan_algorithm_name(k->algorithm)) != 0 ||
        (k->spki_sha256 != NULL && strcmp(k->spki_sha256, print) != 0))
        wrong = "is not what the plan asked for";
    else if (strcmp(text_of(e, "spki_sha256"), print) != 0)
        wrong = "has another public key than its hash says";
    else if (keycheck(spki, k->algorithm, &reason) != ZEGEL_OK)
        wrong = buf_cstr(&reason);
    else if (attribute != NULL)
        wrong = "does not have the attribute as planned: ";
    else if (!proof_fits(p, plan_hash, k, print, spki, proof))
        wrong = "has no proof that the token holds the private half";
    else if (!record_fits(k, spki, json_object_get(e, "record")))
        wrong = "has a DNS record that does not hold it";
    if (wrong != NULL)
        buf_addf(why, "key %s: %s%s", buf_cstr(&label), wrong,
                 attribute != NULL && wrong[strlen(wrong) - 1] == ' ' ? attribute : "");
    buf_free(&label);
    buf_free(&reason);
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_KEY_UNUSABLE;
}
