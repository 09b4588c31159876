/* key generation and destruction: every attribute explicit, and read back. */
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/attr.h"
#include "pkcs11/ckr.h"
#include "pkcs11/keyaudit.h"

enum { WITHIN_MS = 120000 }; /* RSA-4096 on a card takes a minute */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

struct pair {
    CK_OBJECT_HANDLE public, private;
};

static CK_RV generate_on(struct token *t, CK_SESSION_HANDLE session, const struct key_wish *w, bool bind_mechanism,
                         bool bind_copy, struct pair *pair)
{
    static uint8_t exponent[] = {0x01, 0x00, 0x01};
    static uint8_t curve[] = {0x06, 0x03, 0x2b, 0x65, 0x70}; /* id-Ed25519, RFC 8410 §3 */
    enum key_type type = w->type;
    CK_ULONG bits = w->bits;
    const char *label = w->label;
    CK_BBOOL may_leave = w->may_leave ? CK_TRUE : CK_FALSE; /* and is then closed, which needs CKA_MODIFIABLE */
    CK_MECHANISM_TYPE allowed = type == KEY_RSA ? CKM_SHA256_RSA_PKCS : CKM_EDDSA;
    CK_MECHANISM mechanism = {type == KEY_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    void *name = (void *)(uintptr_t)label, *key_id = (void *)(uintptr_t)w->id;
    CK_ATTRIBUTE public[12] = {
        {CKA_TOKEN, &yes, sizeof yes},    {CKA_LABEL, name, strlen(label)}, {CKA_ID, key_id, KEY_ID_LEN},
        {CKA_VERIFY, &yes, sizeof yes},   {CKA_ENCRYPT, &no, sizeof no},    {CKA_WRAP, &no, sizeof no},
        {CKA_MODIFIABLE, &no, sizeof no}, {CKA_PRIVATE, &no, sizeof no},
    };
    CK_ULONG public_count = 8;
    if (type == KEY_RSA) {
        public[public_count++] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits};
        public[public_count++] = (CK_ATTRIBUTE){CKA_PUBLIC_EXPONENT, exponent, sizeof exponent};
    } else {
        public[public_count++] = (CK_ATTRIBUTE){CKA_EC_PARAMS, curve, sizeof curve};
    }
    CK_ATTRIBUTE private[16] = {
        {CKA_TOKEN, &yes, sizeof yes}, {CKA_PRIVATE, &yes, sizeof yes},    {CKA_LABEL, name, strlen(label)},
        {CKA_ID, key_id, KEY_ID_LEN},  {CKA_SENSITIVE, &yes, sizeof yes},  {CKA_EXTRACTABLE, &may_leave, 1},
        {CKA_SIGN, &yes, sizeof yes},  {CKA_SIGN_RECOVER, &no, sizeof no}, {CKA_DECRYPT, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},  {CKA_DERIVE, &no, sizeof no},       {CKA_MODIFIABLE, &may_leave, 1},
    };
    CK_ULONG private_count = 12;
    if (bind_copy)
    private[private_count++] = (CK_ATTRIBUTE){CKA_COPYABLE, &no, sizeof no};
    if (bind_mechanism)
    private[private_count++] = (CK_ATTRIBUTE){CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed};
    return t->module->f->C_GenerateKeyPair(session, &mechanism, public, public_count, private, private_count, &pair->public,
                                           &pair->private);
}

/* CKA_ALLOWED_MECHANISMS and CKA_COPYABLE are optional in the standard: a token that refuses them is asked without. */
static CK_RV generate(struct token *t, CK_SESSION_HANDLE session, const struct key_wish *w, struct pair *pair)
{
    CK_RV rv = CKR_OK;
    for (int less = 0; less < 3; less++) {
        rv = generate_on(t, session, w, less < 1, less < 2, pair);
        if (rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_ATTRIBUTE_VALUE_INVALID && rv != CKR_TEMPLATE_INCONSISTENT &&
            rv != CKR_ATTRIBUTE_READ_ONLY)
            break;
    }
    return rv;
}

static int check_label_free(struct token *t, CK_SESSION_HANDLE session, const char *label, CK_RV *rv, struct buf *why)
{
    CK_ATTRIBUTE template[] = {{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    CK_OBJECT_HANDLE any;
    CK_ULONG count = 0;
    *rv = attr_find((struct attr_session){t->module->f, session, NULL}, template, 1, &any, 1, &count);
    if (*rv != CKR_OK) {
        buf_addf(why, "token %s: looking for %s: %s; %s", t->cfg.name, label, ckr_name(*rv), ckr_advice(*rv));
        return ckr_to_err(*rv);
    }
    if (count == 0)
        return ZEGEL_OK;
    buf_addf(why, "%s: exists on token %s; a selector is never used twice, choose another", label, t->cfg.name);
    return ZEGEL_ERR_EXISTS;
}

static int find_generated(struct token *t, const uint8_t id[KEY_ID_LEN], struct key *out, struct buf *why)
{
    struct buf uri = BUF_INIT;
    buf_add_str(&uri, "pkcs11:id=");
    for (size_t i = 0; i < KEY_ID_LEN; i++)
        buf_addf(&uri, "%%%02x", id[i]);
    int err = key_find(t, buf_cstr(&uri), out, why);
    buf_free(&uri);
    return err;
}

int key_generate(struct token *t, enum key_type type, unsigned bits, const char *label, struct key *out, struct buf *why)
{
    struct key_wish w = {.type = type, .bits = bits, .label = label};
    if (RAND_bytes(w.id, sizeof w.id) != 1)
        return ZEGEL_ERR_SYSTEM;
    return key_generate_as(t, &w, out, why);
}

int key_generate_as(struct token *t, const struct key_wish *w, struct key *out, struct buf *why)
{
    const char *label = w->label;
    CK_SESSION_HANDLE session;
    struct pair pair = {0, 0};
    CK_RV rv = CKR_OK;
    uint64_t epoch;
    if (strlen(label) >= KEY_LABEL_MAX)
        return ZEGEL_ERR_USAGE;
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    err = check_label_free(t, session, label, &rv, why);
    if (err == ZEGEL_OK && (rv = generate(t, session, w, &pair)) != CKR_OK) {
        buf_addf(why, "token %s: generating %s: %s; %s", t->cfg.name, label, ckr_name(rv), ckr_advice(rv));
        err = ckr_to_err(rv);
    }
    token_release(t, session, epoch, rv);
    if (err != ZEGEL_OK)
        return err;
    struct key_attributes a;
    err = find_generated(t, w->id, out, why);
    if (err == ZEGEL_OK)
        err = key_attributes(t, out, &a, why);
    const char *wrong = err == ZEGEL_OK && !w->may_leave && !w->unchecked ? key_attributes_wrong(&a, false) : NULL;
    if (err == ZEGEL_OK && wrong == NULL && (out->type != w->type || (w->type == KEY_RSA && out->bits != w->bits)))
        wrong = "it is not of the kind that was asked for";
    if (wrong == NULL)
        return err;
    struct buf ignored = BUF_INIT;
    bool gone = key_destroy(t, out, &ignored) == ZEGEL_OK;
    buf_free(&ignored);
    buf_addf(why, "%s: the token made a key that was not asked for: %s; it was %s", label, wrong,
             gone ? "destroyed again" : "to be destroyed and that failed: do it by hand");
    return ZEGEL_ERR_KEY_UNUSABLE;
}

int key_destroy(struct token *t, const struct key *k, struct buf *why)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE objects[8], private;
    CK_ATTRIBUTE template[] = {{CKA_ID, (void *)(uintptr_t)k->id, k->id_len}};
    CK_ULONG count = 0;
    CK_RV rv = CKR_OK;
    uint64_t epoch;
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    struct attr_session s = {t->module->f, session, NULL};
    err = key_find_again(t, session, k, &private, &rv, why); /* never by CKA_ID alone */
    if (err == ZEGEL_OK && (rv = attr_find(s, template, 1, objects, 8, &count)) == CKR_OK)
        for (CK_ULONG i = 0; i < count && i < 8 && rv == CKR_OK; i++)
            rv = s.f->C_DestroyObject(session, objects[i]);
    if (err == ZEGEL_OK && rv == CKR_OK)
        rv = attr_find(s, template, 1, objects, 8, &count);
    if (err == ZEGEL_OK && (rv != CKR_OK || count != 0)) {
        if (rv != CKR_OK)
            buf_addf(why, "key %s: not destroyed: %s; %s", k->label, ckr_name(rv), ckr_advice(rv));
        else
            buf_addf(why, "key %s: not destroyed: the token still shows it", k->label);
        err = rv != CKR_OK ? ckr_to_err(rv) : ZEGEL_ERR_MODULE;
    }
    token_release(t, session, epoch, rv);
    return err;
}
