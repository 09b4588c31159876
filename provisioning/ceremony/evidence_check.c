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

/* What the plan asks for, and what PKCS#11 derives of it. A token may keep silent on the optional ones. With a wrapped backup,
 * a key is extractable until it is closed, and modifiable so that it can be; the restored one was not made where it is. OpenSC
 * says the same of every key on a SmartCard-HSM: that it is modifiable, can recover, and was made there. */
const char *evidence_wrong_attribute(const struct plan *p, enum evidence_stage stage, const json_t *attributes)
{
    const struct plan_template *t = &p->template;
    bool wraps = p->backup.rule == PLAN_BACKUP_WRAP, copy = wraps && stage == EVIDENCE_RESTORED,
         opensc = p->backup.rule == PLAN_BACKUP_DKEK;
    bool open = wraps && p->action == PLAN_GENERATE && stage == EVIDENCE_MADE;
    const struct {
        const char *name;
        bool want, may_be_silent, may_be_either;
    } all[] = {{"CKA_SIGN", t->sign, false, false},
               {"CKA_SENSITIVE", t->sensitive, false, false},
               {"CKA_ALWAYS_SENSITIVE", !copy, false, false},
               {"CKA_EXTRACTABLE", t->extractable || open, false, false},
               {"CKA_NEVER_EXTRACTABLE", !t->extractable && !wraps, false, false},
               {"CKA_LOCAL", !copy, false, false},
               {"CKA_MODIFIABLE", t->modifiable || (wraps && !copy), false, opensc},
               {"CKA_COPYABLE", t->copyable, true, copy},
               {"CKA_DECRYPT", t->decrypt, true, false},
               {"CKA_UNWRAP", t->unwrap, true, false},
               {"CKA_DERIVE", t->derive, true, false},
               {"CKA_SIGN_RECOVER", t->sign_recover, true, opensc}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const json_t *v = json_object_get(attributes, all[i].name);
        if (!(json_is_boolean(v) && (all[i].may_be_either || json_is_true(v) == all[i].want)) &&
            !(json_is_null(v) && all[i].may_be_silent))
            return all[i].name;
    }
    return json_object_size(attributes) == sizeof all / sizeof all[0] ? NULL : "an attribute that nobody knows";
}

void evidence_restore_challenge(const struct plan *p, const char *plan_hash, const struct plan_key *k, const char *spki_sha256,
                                struct buf *out)
{
    buf_addf(out, "zegel ceremony restore test\n%s\n%s\n%s/%s\n%s\n", plan_hash, p->nonce, k->domain, k->selector, spki_sha256);
}

struct bytes evidence_spki(const json_t *e, uint8_t room[KEY_SPKI_MAX])
{
    return decode(e, "spki", room, KEY_SPKI_MAX);
}

bool evidence_proof_fits(struct bytes challenge, struct bytes spki, const json_t *proof)
{
    uint8_t hash[DKIM_HASH_LEN], room[KEY_SPKI_MAX];
    struct out sig = out_of(room, sizeof room);
    const char *text = json_string_value(proof);
    struct digest_key *public = digest_key_from_spki(spki);
    bool ok = public != NULL && text != NULL && base64_decode(bytes_str(text), &sig) && digest_sha256(challenge, hash) &&
              digest_verify(public, hash, out_bytes(&sig));
    digest_key_free(public);
    return ok;
}

static bool proof_fits(const struct plan *p, const char *plan_hash, const struct plan_key *k, const char *print,
                       struct bytes spki, const json_t *proof)
{
    struct buf challenge = BUF_INIT;
    evidence_challenge(p, plan_hash, k, print, &challenge);
    bool ok = evidence_proof_fits(buf_bytes(&challenge), spki, proof);
    buf_free(&challenge);
    return ok;
}

static bool record_fits(const struct plan_key *k, struct bytes spki, const json_t *record)
{
    uint8_t room[DKIM_KEYRECORD_MAX];
    struct out txt = out_of(room, sizeof room);
    struct buf name = BUF_INIT;
    buf_addf(&name, "%s._domainkey.%s.", k->selector, k->domain);
    bool ok = keyrecord_make_of(spki, &txt) && json_object_size(record) == 2 &&
              strcmp(text_of(record, "name"), buf_cstr(&name)) == 0 &&
              bytes_eq(out_bytes(&txt), bytes_str(text_of(record, "txt")));
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
    bytes_hex(bytes_of(id, sizeof id), want);
    return strcmp(text, want) == 0;
}

int evidence_check(const struct plan *p, const char *plan_hash, const struct plan_key *k, const json_t *e, struct buf *why)
{
    uint8_t spki_room[KEY_SPKI_MAX];
    char print[CANON_HEX];
    struct buf label = BUF_INIT, reason = BUF_INIT;
    struct bytes spki = evidence_spki(e, spki_room);
    const char *wrong = NULL, *attribute = evidence_wrong_attribute(p, EVIDENCE_MADE, json_object_get(e, "attributes"));
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
    else if (!proof_fits(p, plan_hash, k, print, spki, json_object_get(e, "proof")))
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
