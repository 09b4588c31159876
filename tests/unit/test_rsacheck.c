/* RSA keys that must not sign. */
#include "pkcs11/rsacheck.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "unit.h"

/* What rsa_weakness says of modulus n (freed) and exponent e. */
static const char *weakness(BIGNUM *n, unsigned e)
{
    BIGNUM *exponent = BN_new();
    ck_assert(BN_set_word(exponent, e) == 1);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    ck_assert(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, exponent));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    unsigned char *der = NULL;
    ck_assert(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    int len = i2d_PUBKEY(key, &der);
    ck_assert_int_gt(len, 0);
    const char *found = rsa_weakness(bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    BN_free(exponent);
    BN_free(n);
    return found;
}

static BIGNUM *prime(int bits)
{
    BIGNUM *p = BN_new();
    ck_assert(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL) == 1);
    return p;
}

static BIGNUM *times(BIGNUM *p, BIGNUM *q)
{
    BIGNUM *n = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    ck_assert(BN_mul(n, p, q, ctx) == 1);
    BN_CTX_free(ctx);
    BN_free(p);
    BN_free(q);
    return n;
}

static BIGNUM *word(unsigned w)
{
    BIGNUM *n = BN_new();
    ck_assert(BN_set_word(n, w) == 1);
    return n;
}

START_TEST(good)
{
    ck_assert_ptr_null(weakness(times(prime(1024), prime(1025)), 65537));
}
END_TEST

START_TEST(weak)
{
    ck_assert_ptr_nonnull(strstr(weakness(times(prime(512), prime(513)), 65537), "2048"));
    ck_assert_ptr_nonnull(strstr(weakness(times(prime(1024), prime(1025)), 3), "exponent"));
    ck_assert_ptr_nonnull(strstr(weakness(times(prime(2048), word(4093)), 65537), "small factor"));
    ck_assert_ptr_nonnull(strstr(weakness(times(prime(2048), word(2)), 65537), "small factor"));
    ck_assert_ptr_nonnull(rsa_weakness(BYTES_LIT("nonsense")));
}
END_TEST

/* A power of 65537 is one modulo every prime: the fingerprint, with no prime of Infineon's at hand. */
START_TEST(roca)
{
    BIGNUM *n = word(1);
    for (int i = 0; i < 130; i++)
        ck_assert(BN_mul_word(n, 65537) == 1);
    ck_assert_ptr_nonnull(strstr(weakness(n, 65537), "ROCA"));
}
END_TEST

START_TEST(fermat)
{
    BIGNUM *p = prime(1025), *q = BN_dup(p);
    BN_CTX *ctx = BN_CTX_new();
    do
        ck_assert(BN_add_word(q, 2) == 1);
    while (BN_check_prime(q, ctx, NULL) != 1);
    BN_CTX_free(ctx);
    ck_assert_ptr_nonnull(strstr(weakness(times(p, q), 65537), "Fermat"));
    p = prime(1025);
    q = BN_dup(p);
    ck_assert_ptr_nonnull(strstr(weakness(times(p, q), 65537), "Fermat")); /* a square */
}
END_TEST

UNIT_MAIN("rsacheck", good, weak, roca, fermat)
