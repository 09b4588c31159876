/* The token's cryptography against OpenSSL's, which shares no line with it. */
#include "crypto.h"
#include "firmware/hal_ram.h"
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

static void big(BIGNUM **out, const uint8_t *data, size_t len)
{
    *out = BN_bin2bn(data, (int)len, NULL);
    ck_assert_ptr_nonnull(*out);
}

/* The public half as OpenSSL's key. */
static EVP_PKEY *openssl_public(const struct crypto_rsa_public *pub)
{
    BIGNUM *n = NULL, *e = BN_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;

    big(&n, pub->n, pub->bits / 8);
    BN_set_word(e, pub->e);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    BN_free(e);
    return key;
}

static int openssl_verify(EVP_PKEY *key, const EVP_MD *md, const void *text, size_t len, const uint8_t *signature, size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 && EVP_DigestVerify(ctx, signature, sig_len, text, len) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

static void sign_text(const struct crypto_rsa_private *key, const char *text, uint8_t *signature)
{
    uint8_t hash[32], info[CRYPTO_DIGESTINFO_LEN];

    crypto_sha256(text, strlen(text), hash);
    crypto_digestinfo(hash, info);
    ck_assert_int_eq(crypto_rsa_sign(key, info, sizeof info, signature), CRYPTO_OK);
    ck_assert_int_eq(crypto_rsa_verify(&key->pub, info, sizeof info, signature), CRYPTO_OK);
    signature[9] ^= 1;
    ck_assert_int_eq(crypto_rsa_verify(&key->pub, info, sizeof info, signature), CRYPTO_EVERIFY);
    signature[9] ^= 1;
}

/* The CRT parts are what they have to be, by OpenSSL's arithmetic. */
static void check_parts(const struct crypto_rsa_private *key)
{
    size_t half = key->pub.bits / 16;
    BIGNUM *p, *q, *dp, *dq, *iq, *n, *e = BN_new(), *x = BN_new(), *y = BN_new();
    BN_CTX *ctx = BN_CTX_new();

    big(&p, key->p, half);
    big(&q, key->q, half);
    big(&dp, key->dp, half);
    big(&dq, key->dq, half);
    big(&iq, key->iq, half);
    big(&n, key->pub.n, 2 * half);
    BN_set_word(e, key->pub.e);
    ck_assert_int_eq(BN_check_prime(p, ctx, NULL), 1);
    ck_assert_int_eq(BN_check_prime(q, ctx, NULL), 1);
    ck_assert(BN_mul(x, p, q, ctx) == 1 && BN_cmp(x, n) == 0 && BN_num_bits(n) == key->pub.bits);
    ck_assert(BN_mod_mul(x, iq, q, p, ctx) == 1 && BN_is_one(x));
    ck_assert(BN_sub(y, p, BN_value_one()) == 1 && BN_mod_mul(x, dp, e, y, ctx) == 1 && BN_is_one(x));
    ck_assert(BN_sub(y, q, BN_value_one()) == 1 && BN_mod_mul(x, dq, e, y, ctx) == 1 && BN_is_one(x));
    BIGNUM *all[] = {p, q, dp, dq, iq, n, e, x, y};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        BN_free(all[i]);
    BN_CTX_free(ctx);
}

START_TEST(rsa_generated)
{
    static const uint16_t sizes[] = {2048, 3072};
    static struct crypto_rsa_private key;
    uint8_t signature[CRYPTO_RSA_MAX];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_assert_int_eq(crypto_rsa_generate(sizes[i], &key), CRYPTO_OK);
        check_parts(&key);
        sign_text(&key, "generated", signature);
        EVP_PKEY *public = openssl_public(&key.pub);
        ck_assert(openssl_verify(public, EVP_sha256(), "generated", 9, signature, sizes[i] / 8));
        EVP_PKEY_free(public);
    }
    ck_assert_int_eq(crypto_rsa_generate(1024, &key), CRYPTO_EPARAM);
    ck_assert_int_eq(crypto_rsa_generate(2047, &key), CRYPTO_EPARAM);
}
END_TEST

static EVP_PKEY *openssl_generate(unsigned bits, unsigned long e)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *exponent = BN_new();
    EVP_PKEY *key = NULL;

    BN_set_word(exponent, e);
    ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent), 1);
    ck_assert_int_eq(EVP_PKEY_keygen(ctx, &key), 1);
    BN_free(exponent);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void prime_of(EVP_PKEY *key, const char *which, uint8_t *out, size_t half)
{
    BIGNUM *prime = NULL;

    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, which, &prime), 1);
    ck_assert_int_eq(BN_bn2binpad(prime, out, (int)half), (int)half);
    BN_clear_free(prime);
}

/* Either order of the primes, usual and unusual exponents, all three sizes. */
START_TEST(rsa_imported)
{
    static const struct {
        uint16_t bits;
        uint32_t e;
    } rows[] = {{2048, 65537}, {2048, 17}, {2048, 4294967291U}, {3072, 65537}, {4096, 65537}};
    static struct crypto_rsa_private key, swapped;
    uint8_t p[256], q[256], signature[CRYPTO_RSA_MAX];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t half = rows[i].bits / 16;
        EVP_PKEY *made = openssl_generate(rows[i].bits, rows[i].e);
        prime_of(made, OSSL_PKEY_PARAM_RSA_FACTOR1, p, half);
        prime_of(made, OSSL_PKEY_PARAM_RSA_FACTOR2, q, half);
        ck_assert_int_eq(crypto_rsa_import(rows[i].bits, rows[i].e, p, q, &key), CRYPTO_OK);
        ck_assert_int_eq(crypto_rsa_import(rows[i].bits, rows[i].e, q, p, &swapped), CRYPTO_OK);
        ck_assert_mem_eq(&key, &swapped, sizeof key);
        check_parts(&key);
        sign_text(&key, "imported", signature);
        ck_assert(openssl_verify(made, EVP_sha256(), "imported", 8, signature, rows[i].bits / 8));
        EVP_PKEY_free(made);
    }
}
END_TEST

static bool is_wiped(const struct crypto_rsa_private *key)
{
    const uint8_t *octets = (const uint8_t *)key;
    uint8_t seen = 0;

    for (size_t i = 0; i < sizeof *key; i++)
        seen |= octets[i];
    return seen == 0;
}

START_TEST(rsa_import_refuses)
{
    static struct crypto_rsa_private key;
    uint8_t p[128], q[128], other[128];
    EVP_PKEY *made = openssl_generate(2048, 65537);

    prime_of(made, OSSL_PKEY_PARAM_RSA_FACTOR1, p, sizeof p);
    prime_of(made, OSSL_PKEY_PARAM_RSA_FACTOR2, q, sizeof q);
    EVP_PKEY_free(made);
    ck_assert_int_eq(crypto_rsa_import(2048, 3, p, q, &key), CRYPTO_EPARAM);
    ck_assert_int_eq(crypto_rsa_import(2048, 65536, p, q, &key), CRYPTO_EPARAM);
    ck_assert_int_eq(crypto_rsa_import(1024, 65537, p, q, &key), CRYPTO_EPARAM);
    ck_assert_int_eq(crypto_rsa_import(2048, 65537, p, p, &key), CRYPTO_EKEY);
    memcpy(other, p, sizeof other);
    other[127] ^= 2; /* as good as never a prime, and close to p */
    ck_assert_int_eq(crypto_rsa_import(2048, 65537, p, other, &key), CRYPTO_EKEY);
    memcpy(other, q, sizeof other);
    other[127] ^= 2;
    ck_assert_int_eq(crypto_rsa_import(2048, 65537, p, other, &key), CRYPTO_EKEY);
    ck_assert(is_wiped(&key));
    memcpy(other, q, sizeof other);
    other[0] = 0; /* a product that is shorter than it says */
    ck_assert_int_eq(crypto_rsa_import(2048, 65537, p, other, &key), CRYPTO_EKEY);
    memcpy(other, q, sizeof other);
    other[127] &= 0xFE;
    ck_assert_int_eq(crypto_rsa_import(2048, 65537, p, other, &key), CRYPTO_EPARAM);
    ck_assert(is_wiped(&key));
}
END_TEST

/* A fault in any part of the private key: nothing leaves. */
START_TEST(rsa_fault_stays_inside)
{
    static struct crypto_rsa_private key, broken;
    static const uint8_t zeros[256];
    uint8_t signature[CRYPTO_RSA_MAX];

    ck_assert_int_eq(crypto_rsa_generate(2048, &key), CRYPTO_OK);
    uint8_t *parts[] = {broken.p, broken.q, broken.dp, broken.dq, broken.iq, broken.pub.n};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        broken = key;
        parts[i][77] ^= 0x10;
        memset(signature, 0xAA, sizeof signature);
        ck_assert_int_eq(crypto_rsa_sign(&broken, (const uint8_t *)"hash", 4, signature), CRYPTO_EFAULT);
        ck_assert_mem_eq(signature, zeros, 256);
    }
    ck_assert_int_eq(crypto_rsa_sign(&key, zeros, 246, signature), CRYPTO_EPARAM);
    ck_assert_int_eq(crypto_rsa_sign(&key, zeros, 245, signature), CRYPTO_OK);
    ck_assert_int_eq(crypto_rsa_sign(&key, NULL, 0, signature), CRYPTO_OK);
}
END_TEST

START_TEST(ed25519_against_openssl)
{
    for (uint8_t len = 0; len < 70; len++) {
        struct crypto_ed25519 key;
        uint8_t text[70], signature[64], theirs[64];
        size_t sig_len = sizeof theirs;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        memset(text, len, sizeof text);
        ck_assert_int_eq(crypto_ed25519_generate(&key), CRYPTO_OK);
        ck_assert_int_eq(crypto_ed25519_check(&key), CRYPTO_OK);
        ck_assert_int_eq(crypto_ed25519_sign(&key, text, len, signature), CRYPTO_OK);
        EVP_PKEY *openssl = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key.seed, 32);
        ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, openssl), 1);
        ck_assert_int_eq(EVP_DigestSign(ctx, theirs, &sig_len, text, len), 1);
        ck_assert_mem_eq(signature, theirs, 64);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(openssl);
    }
}
END_TEST

/* A public key of somebody else's choice gives no signature: two signatures with one nonce and two of them would give the seed
 * away. */
START_TEST(ed25519_foreign_public)
{
    struct crypto_ed25519 key, other;
    uint8_t signature[64];
    static const uint8_t zeros[64];

    ck_assert_int_eq(crypto_ed25519_generate(&key), CRYPTO_OK);
    ck_assert_int_eq(crypto_ed25519_generate(&other), CRYPTO_OK);
    ck_assert(memcmp(key.seed, other.seed, 32) != 0);
    memcpy(key.public, other.public, 32);
    ck_assert_int_eq(crypto_ed25519_check(&key), CRYPTO_EKEY);
    ck_assert_int_eq(crypto_ed25519_sign(&key, "x", 1, signature), CRYPTO_EFAULT);
    ck_assert_mem_eq(signature, zeros, 64);
}
END_TEST

START_TEST(hashes_against_openssl)
{
    static uint8_t text[5000];

    crypto_random(text, sizeof text);
    for (size_t len = 0; len < sizeof text; len += 1 + len / 3) {
        struct crypto_sha256 ctx;
        uint8_t hash[32], other[32];

        crypto_sha256_init(&ctx);
        crypto_sha256_update(&ctx, text, len / 2);
        crypto_sha256_final(&ctx, hash); /* leaves it as it was */
        crypto_sha256_update(&ctx, text + len / 2, len - len / 2);
        crypto_sha256_final(&ctx, hash);
        ck_assert_int_eq(EVP_Digest(text, len, other, NULL, EVP_sha256(), NULL), 1);
        ck_assert_mem_eq(hash, other, 32);
        crypto_hmac(text + 7, len % 100, text, len, hash);
        ck_assert_ptr_nonnull(HMAC(EVP_sha256(), text + 7, (int)(len % 100), text, len, other, NULL));
        ck_assert_mem_eq(hash, other, 32);
    }
}
END_TEST

START_TEST(random_numbers)
{
    uint8_t a[32], b[32], c[32];

    hal_ram_reset();
    ck_assert_int_eq(crypto_init(), CRYPTO_OK);
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    ck_assert(memcmp(a, b, sizeof a) != 0);
    hal_ram_reset();
    ck_assert_int_eq(crypto_init(), CRYPTO_OK);
    crypto_random(b, sizeof b);
    ck_assert_mem_eq(a, b, sizeof a); /* a constant seed: the same */
    hal_ram_reset();
    ck_assert_int_eq(crypto_init(), CRYPTO_OK);
    crypto_random_mix("boot 2", 6);
    crypto_random(c, sizeof c);
    ck_assert(memcmp(a, c, sizeof a) != 0);
}
END_TEST

START_TEST(sealed_boxes)
{
    uint8_t key[32] = {1}, text[100] = "text", box[100 + CRYPTO_SEAL_OVERHEAD], other[sizeof box], out[100];

    crypto_seal(key, "ad", 2, text, sizeof text, box);
    crypto_seal(key, "ad", 2, text, sizeof text, other);
    ck_assert(memcmp(box, other, 24) != 0); /* a nonce of its own each time */
    ck_assert_int_eq(crypto_open(key, "ad", 2, box, sizeof box, out), CRYPTO_OK);
    ck_assert_mem_eq(out, text, sizeof text);
    ck_assert_int_eq(crypto_open(key, "aD", 2, box, sizeof box, out), CRYPTO_EVERIFY);
    ck_assert_int_eq(crypto_open(key, "ad", 2, box, sizeof box - 1, out), CRYPTO_EVERIFY);
    ck_assert_int_eq(crypto_open(key, "ad", 2, box, CRYPTO_SEAL_OVERHEAD - 1, out), CRYPTO_EPARAM);
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 0x80;
        ck_assert_int_eq(crypto_open(key, "ad", 2, box, sizeof box, out), CRYPTO_EVERIFY);
        ck_assert(out[0] == 0 && out[sizeof out - 1] == 0);
        box[i] ^= 0x80;
    }
    ck_assert(crypto_equal("abc", "abc", 3) && !crypto_equal("abc", "abd", 3));
}
END_TEST

UNIT_MAIN("fw_crypto", random_numbers, hashes_against_openssl, sealed_boxes, ed25519_against_openssl, ed25519_foreign_public,
          rsa_generated, rsa_imported, rsa_import_refuses, rsa_fault_stays_inside)
