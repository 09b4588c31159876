#include "pkcs11/wrap.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/attr.h"
#include "pkcs11/ckr.h"

#ifndef CKM_AES_KEY_WRAP_PAD
#define CKM_AES_KEY_WRAP_PAD 0x210aUL /* PKCS#11 v2.40: RFC 5649 */
#endif

enum { WITHIN_MS = 120000, PAIR_BITS = 3072, MODULUS_MAX = 1024, EXPONENT_MAX = 16 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0}; /* all that SoftHSM knows */

static CK_MECHANISM transport_mechanism(void)
{
    return (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
}

static CK_MECHANISM key_mechanism(void)
{
    return (CK_MECHANISM){CKM_AES_KEY_WRAP_PAD, NULL, 0};
}

static CK_ATTRIBUTE octets(CK_ATTRIBUTE_TYPE type, const void *data, size_t len)
{
    return (CK_ATTRIBUTE){type, (void *)(uintptr_t)data, len};
}

static int failed(const struct token *t, const char *what, CK_RV rv, struct buf *why)
{
    buf_addf(why, "token %s: %s: %s; %s", t->cfg.name, what, ckr_name(rv), ckr_advice(rv));
    return ckr_to_err(rv);
}

int wrap_make_pair(struct token *to, const char *label, const uint8_t id[KEY_ID_LEN], struct buf *why)
{
    static uint8_t exponent[] = {0x01, 0x00, 0x01};
    CK_ULONG bits = PAIR_BITS;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE name = octets(CKA_LABEL, label, strlen(label)), key_id = octets(CKA_ID, id, KEY_ID_LEN);
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, sizeof yes},
                             {CKA_PRIVATE, &no, sizeof no},
                             {CKA_WRAP, &yes, sizeof yes},
                             {CKA_ENCRYPT, &no, sizeof no},
                             {CKA_VERIFY, &no, sizeof no},
                             {CKA_MODIFIABLE, &no, sizeof no},
                             {CKA_MODULUS_BITS, &bits, sizeof bits},
                             {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
                             name,
                             key_id};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, sizeof yes},
                              {CKA_PRIVATE, &yes, sizeof yes},
                              {CKA_SENSITIVE, &yes, sizeof yes},
                              {CKA_EXTRACTABLE, &no, sizeof no},
                              {CKA_UNWRAP, &yes, sizeof yes},
                              {CKA_DECRYPT, &no, sizeof no},
                              {CKA_SIGN, &no, sizeof no},
                              {CKA_MODIFIABLE, &no, sizeof no},
                              name,
                              key_id};
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE halves[2];
    uint64_t epoch;
    int err = token_acquire(to, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = to->module->f->C_GenerateKeyPair(session, &mechanism, public, sizeof public / sizeof public[0], private,
                                                sizeof private / sizeof private[0], &halves[0], &halves[1]);
    token_release(to, session, epoch, rv);
    return rv == CKR_OK ? ZEGEL_OK : failed(to, "making the pair that the backup is encrypted to", rv, why);
}

/* The one object of that class and CKA_ID. */
static CK_RV find_one(struct attr_session s, CK_OBJECT_CLASS class, struct bytes id, CK_OBJECT_HANDLE *o)
{
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, octets(CKA_ID, id.data, id.len)};
    CK_ULONG count = 0;
    CK_RV rv = attr_find(s, template, 2, o, 1, &count);
    return rv != CKR_OK ? rv : count == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID;
}

/* ---- out of the first token ---- */

struct public_rsa {
    uint8_t modulus[MODULUS_MAX], exponent[EXPONENT_MAX];
    size_t modulus_len, exponent_len;
};

static int read_pair(struct token *to, const uint8_t id[KEY_ID_LEN], struct public_rsa *p, struct buf *why)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE o;
    uint64_t epoch;
    int err = token_acquire(to, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV lost = CKR_OK;
    struct attr_session s = {to->module->f, session, &lost};
    CK_RV rv = find_one(s, CKO_PUBLIC_KEY, bytes_of(id, KEY_ID_LEN), &o);
    if (rv == CKR_OK) {
        p->modulus_len = attr_get(s, o, CKA_MODULUS, p->modulus, sizeof p->modulus).len;
        p->exponent_len = attr_get(s, o, CKA_PUBLIC_EXPONENT, p->exponent, sizeof p->exponent).len;
        if (p->modulus_len < PAIR_BITS / 8 || p->exponent_len == 0)
            rv = lost != CKR_OK ? lost : CKR_KEY_SIZE_RANGE;
    }
    token_release(to, session, epoch, rv);
    return rv == CKR_OK ? ZEGEL_OK : failed(to, "reading the pair that the backup is encrypted to", rv, why);
}

/* The public half of the second token's pair, and an AES key, in this session only. */
static CK_RV make_wrapping_keys(struct attr_session s, const struct public_rsa *p, CK_OBJECT_HANDLE *pair, CK_OBJECT_HANDLE *aes)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_ULONG len = 32;
    CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE public[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_TOKEN, &no, sizeof no},
                             {CKA_WRAP, &yes, sizeof yes},
                             {CKA_ENCRYPT, &no, sizeof no},
                             octets(CKA_MODULUS, p->modulus, p->modulus_len),
                             octets(CKA_PUBLIC_EXPONENT, p->exponent, p->exponent_len)};
    CK_ATTRIBUTE secret[] = {{CKA_TOKEN, &no, sizeof no},         {CKA_SENSITIVE, &yes, sizeof yes},
                             {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_WRAP, &yes, sizeof yes},
                             {CKA_UNWRAP, &no, sizeof no},        {CKA_ENCRYPT, &no, sizeof no},
                             {CKA_DECRYPT, &no, sizeof no},       {CKA_VALUE_LEN, &len, sizeof len}};
    CK_RV rv = s.f->C_CreateObject(s.session, public, sizeof public / sizeof public[0], pair);
    if (rv == CKR_OK)
        rv = s.f->C_GenerateKey(s.session, &generate, secret, sizeof secret / sizeof secret[0], aes);
    return rv;
}

int wrap_export(struct token *from, const struct key *k, struct token *to, const uint8_t id[KEY_ID_LEN], struct wrapped *out,
                struct buf *why)
{
    struct public_rsa p = {.modulus_len = 0};
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE private = 0, pair = 0, aes = 0;
    CK_ULONG transport_len = WRAP_TRANSPORT_MAX, key_len = WRAP_KEY_MAX;
    CK_MECHANISM for_transport = transport_mechanism(), for_key = key_mechanism();
    CK_RV rv = CKR_OK;
    uint64_t epoch;
    int err = read_pair(to, id, &p, why);
    if (err == ZEGEL_OK)
        err = token_acquire(from, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    struct attr_session s = {from->module->f, session, NULL};
    err = key_find_again(from, session, k, &private, &rv, why);
    if (err == ZEGEL_OK) {
        rv = make_wrapping_keys(s, &p, &pair, &aes);
        if (rv == CKR_OK)
            rv = s.f->C_WrapKey(session, &for_transport, pair, aes, out->transport, &transport_len);
        if (rv == CKR_OK)
            rv = s.f->C_WrapKey(session, &for_key, aes, private, out->key, &key_len);
        if (rv == CKR_OK && (transport_len > WRAP_TRANSPORT_MAX || key_len > WRAP_KEY_MAX))
            rv = CKR_WRAPPED_KEY_LEN_RANGE; /* it says that it wrote more than there was room for */
        if (pair != 0)
            (void)s.f->C_DestroyObject(session, pair);
        if (aes != 0)
            (void)s.f->C_DestroyObject(session, aes);
        if (rv != CKR_OK)
            err = failed(from, "encrypting the key to the backup token", rv, why);
    }
    out->transport_len = err == ZEGEL_OK ? transport_len : 0;
    out->key_len = err == ZEGEL_OK ? key_len : 0;
    token_release(from, session, epoch, rv);
    return err;
}

int wrap_close(struct token *from, const struct key *k, struct buf *why)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE private;
    CK_ATTRIBUTE close = {CKA_EXTRACTABLE, &no, sizeof no};
    CK_RV rv = CKR_OK;
    uint64_t epoch;
    int err = token_acquire(from, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    err = key_find_again(from, session, k, &private, &rv, why);
    if (err == ZEGEL_OK && (rv = from->module->f->C_SetAttributeValue(session, private, &close, 1)) != CKR_OK)
        err = failed(from, "taking CKA_EXTRACTABLE from the key", rv, why);
    token_release(from, session, epoch, rv);
    return err;
}

/* ---- into the second ---- */

static CK_RV unwrap_aes(struct attr_session s, CK_OBJECT_HANDLE pair, const struct wrapped *w, CK_OBJECT_HANDLE *aes)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_MECHANISM m = transport_mechanism();
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &no, sizeof no},       {CKA_SENSITIVE, &yes, sizeof yes},
                               {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_UNWRAP, &yes, sizeof yes},
                               {CKA_WRAP, &no, sizeof no},        {CKA_DECRYPT, &no, sizeof no}};
    return s.f->C_UnwrapKey(s.session, &m, pair, (CK_BYTE *)(uintptr_t)w->transport, w->transport_len, template,
                            sizeof template / sizeof template[0], aes);
}

/* CKA_MODIFIABLE last: SoftHSM sets them one by one, and nothing after that. */
static CK_RV unwrap_private(struct attr_session s, CK_OBJECT_HANDLE aes, const struct wrapped *w, const struct key *k)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_MECHANISM m = key_mechanism();
    CK_OBJECT_HANDLE o;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},   {CKA_SENSITIVE, &yes, sizeof yes},  {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},      {CKA_SIGN_RECOVER, &no, sizeof no}, {CKA_DECRYPT, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},      {CKA_DERIVE, &no, sizeof no},       octets(CKA_LABEL, k->label, strlen(k->label)),
        octets(CKA_ID, k->id, k->id_len),  {CKA_MODIFIABLE, &no, sizeof no}};
    return s.f->C_UnwrapKey(s.session, &m, aes, (CK_BYTE *)(uintptr_t)w->key, w->key_len, template,
                            sizeof template / sizeof template[0], &o);
}

/* Modulus and exponent of a SubjectPublicKeyInfo. */
static bool split_spki(const struct key *k, struct public_rsa *p)
{
    const unsigned char *der = k->spki;
    BIGNUM *n = NULL, *e = NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)k->spki_len);
    bool ok = key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bytes(n) <= MODULUS_MAX &&
              BN_num_bytes(e) <= EXPONENT_MAX;
    p->modulus_len = ok ? (size_t)BN_bn2bin(n, p->modulus) : 0;
    p->exponent_len = ok ? (size_t)BN_bn2bin(e, p->exponent) : 0;
    BN_free(n);
    BN_free(e);
    EVP_PKEY_free(key);
    return ok;
}

static CK_RV create_public(struct attr_session s, const struct key *k)
{
    struct public_rsa p = {.modulus_len = 0};
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_OBJECT_HANDLE o;
    if (!split_spki(k, &p))
        return CKR_KEY_TYPE_INCONSISTENT;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &no, sizeof no},
                               {CKA_VERIFY, &yes, sizeof yes},
                               {CKA_MODIFIABLE, &no, sizeof no},
                               octets(CKA_MODULUS, p.modulus, p.modulus_len),
                               octets(CKA_PUBLIC_EXPONENT, p.exponent, p.exponent_len),
                               octets(CKA_LABEL, k->label, strlen(k->label)),
                               octets(CKA_ID, k->id, k->id_len)};
    return s.f->C_CreateObject(s.session, template, sizeof template / sizeof template[0], &o);
}

int wrap_import(struct token *to, const uint8_t id[KEY_ID_LEN], const struct wrapped *w, const struct key *original,
                struct buf *why)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE pair = 0, aes = 0;
    uint64_t epoch;
    int err = token_acquire(to, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    struct attr_session s = {to->module->f, session, NULL};
    CK_RV rv = find_one(s, CKO_PRIVATE_KEY, bytes_of(id, KEY_ID_LEN), &pair);
    if (rv == CKR_OK)
        rv = unwrap_aes(s, pair, w, &aes);
    if (rv == CKR_OK)
        rv = unwrap_private(s, aes, w, original);
    if (rv == CKR_OK)
        rv = create_public(s, original);
    if (aes != 0)
        (void)s.f->C_DestroyObject(session, aes);
    token_release(to, session, epoch, rv);
    return rv == CKR_OK ? ZEGEL_OK : failed(to, "restoring the key", rv, why);
}
