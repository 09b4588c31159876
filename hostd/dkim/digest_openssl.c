#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "dkim/digest.h"

/* Short spans are gathered: a call of EVP_DigestUpdate costs as much as hashing a line. */
enum { GATHER_MAX = 1024, GATHER_BELOW = 256 };

struct digest {
    EVP_MD_CTX *ctx;
    EVP_MD *sha256; /* fetched once: EVP_sha256() would be looked up on every start */
    bool ok;
    size_t gathered;
    uint8_t gather[GATHER_MAX];
};

struct digest_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *rsa; /* ready for EVP_PKEY_verify; NULL for Ed25519 */
    EVP_MD_CTX *ed;
};

bool digest_set_up(void)
{
    uint8_t hash[DKIM_HASH_LEN];
    return digest_sha256(BYTES_LIT(""), hash);
}

struct digest *digest_new(void)
{
    struct digest *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->ctx = EVP_MD_CTX_new();
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (d->ctx == NULL || d->sha256 == NULL) {
        digest_free(d);
        return NULL;
    }
    return d;
}

void digest_free(struct digest *d)
{
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->ctx);
    EVP_MD_free(d->sha256);
    free(d);
}

void digest_start(struct digest *d)
{
    d->ok = EVP_DigestInit_ex2(d->ctx, d->sha256, NULL) == 1;
    d->gathered = 0;
}

/* Nothing once it failed: libcrypto writes through NULL in a context that found no memory at its start. */
static void hash_now(struct digest *d, const uint8_t *data, size_t len)
{
    if (len > 0 && d->ok && EVP_DigestUpdate(d->ctx, data, len) != 1)
        d->ok = false;
}

static void hash_gathered(struct digest *d)
{
    hash_now(d, d->gather, d->gathered);
    d->gathered = 0;
}

void digest_update(struct digest *d, struct bytes in)
{
    if (d->gathered + in.len > GATHER_MAX || in.len >= GATHER_BELOW)
        hash_gathered(d);
    if (in.len >= GATHER_BELOW) {
        hash_now(d, in.data, in.len);
    } else if (in.len > 0) {
        memcpy(d->gather + d->gathered, in.data, in.len);
        d->gathered += in.len;
    }
}

bool digest_final(struct digest *d, uint8_t hash[DKIM_HASH_LEN])
{
    unsigned len = 0;
    hash_gathered(d);
    return d->ok && EVP_DigestFinal_ex(d->ctx, hash, &len) == 1 && len == DKIM_HASH_LEN;
}

bool digest_sha256(struct bytes in, uint8_t hash[DKIM_HASH_LEN])
{
    return EVP_Digest(in.data, in.len, hash, NULL, EVP_sha256(), NULL) == 1;
}

/* With e = 1 every number signs itself; with e even there is no private key. A long e only costs the verifier time. */
static bool rsa_is_sound(const EVP_PKEY *pkey)
{
    BIGNUM *n = NULL, *e = NULL;
    bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) &&
              BN_num_bits(e) <= 64;
    BN_free(n);
    BN_free(e);
    return ok;
}

static struct digest_key *key_new(EVP_PKEY *pkey)
{
    if (pkey == NULL)
        return NULL;
    struct digest_key *k = calloc(1, sizeof *k);
    int id = EVP_PKEY_get_base_id(pkey);
    bool ok = false;
    if (k != NULL && id == EVP_PKEY_RSA && EVP_PKEY_get_bits(pkey) <= DKIM_RSA_BITS_MAX && rsa_is_sound(pkey)) {
        k->rsa = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        ok = k->rsa != NULL && EVP_PKEY_verify_init(k->rsa) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(k->rsa, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(k->rsa, EVP_sha256()) == 1;
    } else if (k != NULL && id == EVP_PKEY_ED25519) {
        k->ed = EVP_MD_CTX_new();
        ok = k->ed != NULL;
    }
    if (!ok) {
        EVP_PKEY_free(pkey);
        digest_key_free(k);
        return NULL;
    }
    k->pkey = pkey;
    return k;
}

struct digest_key *digest_key_from_spki(struct bytes der)
{
    const unsigned char *p = der.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)der.len);
    if (pkey != NULL && p != der.data + der.len) { /* something behind the key */
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return key_new(pkey);
}

struct digest_key *digest_key_from_record(enum digest_key_type type, struct bytes p)
{
    if (type == DIGEST_KEY_ED25519)
        return p.len != 32 ? NULL : key_new(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p.data, p.len));
    struct digest_key *k = digest_key_from_spki(p);
    if (k == NULL) { /* RFC 6376 §3.6.1 says RSAPublicKey, its erratum 3017 and all the world SPKI */
        const unsigned char *at = p.data;
        EVP_PKEY *pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)p.len);
        if (pkey != NULL && at != p.data + p.len) {
            EVP_PKEY_free(pkey);
            pkey = NULL;
        }
        k = key_new(pkey);
    }
    if (k != NULL && digest_key_type(k) != type) {
        digest_key_free(k);
        return NULL;
    }
    return k;
}

void digest_key_free(struct digest_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_CTX_free(k->rsa);
    EVP_MD_CTX_free(k->ed);
    EVP_PKEY_free(k->pkey);
    free(k);
}

enum digest_key_type digest_key_type(const struct digest_key *k)
{
    return k->rsa != NULL ? DIGEST_KEY_RSA : DIGEST_KEY_ED25519;
}

unsigned digest_key_bits(const struct digest_key *k)
{
    return k->rsa != NULL ? (unsigned)EVP_PKEY_get_bits(k->pkey) : 256;
}

size_t digest_key_record(const struct digest_key *k, uint8_t *p, size_t cap)
{
    if (k->rsa == NULL) {
        size_t len = cap;
        return EVP_PKEY_get_raw_public_key(k->pkey, p, &len) == 1 ? len : 0;
    }
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(k->pkey, &der);
    size_t n = len > 0 && (size_t)len <= cap ? (size_t)len : 0;
    if (n > 0)
        memcpy(p, der, n);
    OPENSSL_free(der);
    return n;
}

bool digest_verify(const struct digest_key *k, const uint8_t hash[DKIM_HASH_LEN], struct bytes sig)
{
    if (k->rsa != NULL)
        return EVP_PKEY_verify(k->rsa, sig.data, sig.len, hash, DKIM_HASH_LEN) == 1;
    return EVP_DigestVerifyInit(k->ed, NULL, NULL, NULL, k->pkey) == 1 &&
           EVP_DigestVerify(k->ed, sig.data, sig.len, hash, DKIM_HASH_LEN) == 1;
}
