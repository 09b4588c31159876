/* Public keys that an honest token does not make, each refused for its reason. */
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "ceremony/keycheck.h"
#include "pkcs11/spki.h"
#include "unit.h"

static struct buf why;

static int check_rsa(const BIGNUM *n, unsigned long e, enum plan_algorithm want)
{
    uint8_t modulus[600], spki[1200], exponent[3] = {(uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e};
    int len = BN_bn2bin(n, modulus);
    size_t spki_len = spki_rsa(bytes_of(modulus, (size_t)len), bytes_of(exponent, sizeof exponent), spki, sizeof spki);
    ck_assert_uint_gt(spki_len, 0);
    buf_clear(&why);
    return keycheck(bytes_of(spki, spki_len), want, &why);
}

static void prime(BIGNUM *p, int bits)
{
    ck_assert_int_eq(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL), 1);
}

START_TEST(honest_keys)
{
    for (int i = 0; i < 3; i++) {
        EVP_PKEY *key = i < 2 ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(key, &der);
        ck_assert_int_eq(keycheck(bytes_of(der, (size_t)len), i < 2 ? PLAN_RSA2048 : PLAN_ED25519, &why), ZEGEL_OK);
        ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len), i < 2 ? PLAN_RSA4096 : PLAN_RSA2048, &why), ZEGEL_OK);
        ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len - 1), i < 2 ? PLAN_RSA2048 : PLAN_ED25519, &why), ZEGEL_OK);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(weak_rsa)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new();
    prime(p, 1024);
    prime(q, 1024);
    ck_assert_int_eq(BN_mul(n, p, q, ctx), 1);
    ck_assert_int_eq(check_rsa(n, 65537, PLAN_RSA2048), ZEGEL_OK);
    ck_assert_int_ne(check_rsa(n, 3, PLAN_RSA2048), ZEGEL_OK);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "exponent"));
    /* Fermat: the next prime but a few */
    ck_assert_int_eq(BN_copy(q, p) != NULL, 1);
    do
        (void)BN_add_word(q, 2);
    while (BN_check_prime(q, ctx, NULL) != 1);
    ck_assert_int_eq(BN_mul(n, p, q, ctx), 1);
    ck_assert_int_ne(check_rsa(n, 65537, PLAN_RSA2048), ZEGEL_OK);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "Fermat"));
    ck_assert_int_eq(BN_sqr(n, p, ctx), 1);
    ck_assert_int_ne(check_rsa(n, 65537, PLAN_RSA2048), ZEGEL_OK);
    /* 65521 is the largest prime of 16 bits */
    prime(p, 2032);
    ck_assert_int_eq(BN_copy(n, p) != NULL && BN_mul_word(n, 65521), 1);
    ck_assert_int_ne(check_rsa(n, 65537, PLAN_RSA2048), ZEGEL_OK);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "small prime"));
    BN_free(p);
    BN_free(q);
    BN_free(n);
    BN_CTX_free(ctx);
    buf_free(&why);
}
END_TEST

/* p = k·M + 65537^a mod M, M the product of the primes up to 701, as the broken library made them (CVE-2017-15361). */
static void roca_prime(BIGNUM *p, BN_CTX *ctx)
{
    BIGNUM *m = BN_new(), *k = BN_new(), *a = BN_new(), *base = BN_new(), *rest = BN_new();
    (void)BN_set_word(m, 2);
    for (BN_ULONG n = 3; n <= 701; n += 2) {
        bool is_prime = true;
        for (BN_ULONG d = 3; d * d <= n; d += 2)
            is_prime = is_prime && n % d != 0;
        if (is_prime)
            (void)BN_mul_word(m, n);
    }
    (void)BN_set_word(base, 65537);
    do {
        (void)BN_rand(a, 200, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
        (void)BN_rand(k, 1024 - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
        ck_assert_int_eq(BN_mod_exp(rest, base, a, m, ctx), 1);
        ck_assert_int_eq(BN_mul(p, k, m, ctx) && BN_add(p, p, rest), 1);
    } while (BN_num_bits(p) != 1024 || BN_check_prime(p, ctx, NULL) != 1);
    BN_free(m);
    BN_free(k);
    BN_free(a);
    BN_free(base);
    BN_free(rest);
}

START_TEST(roca)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new();
    do {
        roca_prime(p, ctx);
        roca_prime(q, ctx);
        ck_assert_int_eq(BN_mul(n, p, q, ctx), 1);
    } while (BN_num_bits(n) != 2048);
    ck_assert_int_ne(check_rsa(n, 65537, PLAN_RSA2048), ZEGEL_OK);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "ROCA"));
    BN_free(p);
    BN_free(q);
    BN_free(n);
    BN_CTX_free(ctx);
    buf_free(&why);
}
END_TEST

UNIT_MAIN("ceremony_keys", honest_keys, weak_rsa, roca)
