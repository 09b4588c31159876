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

/* ---- known answers: what the SHA-256 of nothing is, and signatures over that by two keys of which nothing else is known ---- */

static const uint8_t hash_of_nothing[DKIM_HASH_LEN] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                                       0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                                       0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
static const uint8_t rsa_spki[] = {0x30, 0x5c, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
                                   0x00, 0x03, 0x4b, 0x00, 0x30, 0x48, 0x02, 0x41, 0x00, 0xac, 0x57, 0xe3, 0x4c, 0xe2, 0x5a, 0xe9,
                                   0x36, 0x69, 0x9e, 0x58, 0xd1, 0x3b, 0x39, 0x29, 0xaa, 0xec, 0x61, 0xe3, 0x90, 0xda, 0xad, 0x2f,
                                   0x24, 0xf1, 0x3d, 0xf5, 0x6c, 0x7f, 0x89, 0x9d, 0x1f, 0x2f, 0xeb, 0x33, 0x2a, 0x45, 0xe4, 0x89,
                                   0xdc, 0x9d, 0x85, 0x0b, 0xd1, 0x4a, 0x36, 0xa3, 0xd0, 0xbd, 0xec, 0x28, 0xae, 0x31, 0xf6, 0xba,
                                   0x85, 0x8c, 0xac, 0x5e, 0xd5, 0x6e, 0xc0, 0xe8, 0x0b, 0x02, 0x03, 0x01, 0x00, 0x01};
static const uint8_t rsa_signature[] = {0x3a, 0x28, 0x86, 0x02, 0x5b, 0xb3, 0x75, 0x88, 0x44, 0xba, 0x34, 0x87, 0xd4,
                                        0xa7, 0x53, 0x1d, 0x91, 0x0a, 0xa5, 0xe8, 0xe8, 0xae, 0xe0, 0xae, 0x88, 0x61,
                                        0xae, 0x5d, 0xb9, 0x25, 0x03, 0x17, 0x04, 0xe3, 0x8e, 0x25, 0x47, 0x40, 0x8b,
                                        0xc5, 0x5b, 0xe8, 0x41, 0x6d, 0xaa, 0x2e, 0x85, 0xbf, 0xea, 0x7e, 0x67, 0xdb,
                                        0x89, 0x8c, 0x20, 0xcb, 0xc7, 0xdb, 0x8a, 0x54, 0x32, 0x27, 0x11, 0x71};
static const uint8_t ed_spki[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x51, 0xb7, 0xa7,
                                  0x5f, 0xf9, 0xd1, 0xa7, 0xc4, 0xf5, 0x9b, 0x16, 0x12, 0x47, 0xa2, 0x89, 0xc3, 0xef, 0x72,
                                  0x4c, 0x88, 0x8a, 0x59, 0x0a, 0xd1, 0xc8, 0x4e, 0x7b, 0x49, 0x1f, 0x44, 0x1c, 0xa4};
static const uint8_t ed_signature[] = {0x55, 0xf5, 0x4b, 0x20, 0xbd, 0xbc, 0x6a, 0x85, 0x90, 0xae, 0x1f, 0x85, 0xf8,
                                       0x0f, 0xd3, 0x7e, 0x82, 0x73, 0x1d, 0xb7, 0x65, 0x15, 0x72, 0xc6, 0xb4, 0xd1,
                                       0xa3, 0x55, 0x48, 0xcb, 0xfa, 0xdf, 0xfa, 0xd7, 0x6a, 0x0b, 0x29, 0x11, 0xd8,
                                       0x45, 0x73, 0x89, 0x6f, 0x50, 0xe0, 0x9e, 0x00, 0x1c, 0xa0, 0x1e, 0x9a, 0x89,
                                       0xe6, 0xb9, 0xf6, 0xd6, 0xc3, 0xb7, 0x82, 0xa9, 0x5e, 0x17, 0x8d, 0x06};

static bool verifies(struct bytes spki, struct bytes signature)
{
    struct digest_key *k = digest_key_from_spki(spki);
    bool ok = k != NULL && digest_verify(k, hash_of_nothing, signature);
    digest_key_free(k);
    return ok;
}

bool digest_set_up(void)
{
    uint8_t hash[DKIM_HASH_LEN];
    return digest_sha256(BYTES_LIT(""), hash) && memcmp(hash, hash_of_nothing, sizeof hash) == 0 &&
           verifies(bytes_of(rsa_spki, sizeof rsa_spki), bytes_of(rsa_signature, sizeof rsa_signature)) &&
           verifies(bytes_of(ed_spki, sizeof ed_spki), bytes_of(ed_signature, sizeof ed_signature));
}
