#include "pkcs11/rsacheck.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum { BITS_MIN = 2048, SMALL_PRIMES_BELOW = 4096, ROCA_PRIMES_UP_TO = 167, FERMAT_STEPS = 200 };

static bool is_prime(unsigned n)
{
    for (unsigned d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return false;
    return n > 2 && n % 2 == 1;
}

static bool has_small_factor(const BIGNUM *n)
{
    for (unsigned p = 3; p < SMALL_PRIMES_BELOW; p += 2)
        if (is_prime(p) && BN_mod_word(n, p) == 0)
            return true;
    return !BN_is_odd(n);
}

/* Is n a power of 65537 modulo p? */
static bool is_power(const BIGNUM *n, unsigned p)
{
    unsigned want = (unsigned)BN_mod_word(n, p), power = 1;
    for (unsigned i = 0; i < p; i++) {
        if (power == want)
            return true;
        power = power * (65537 % p) % p;
    }
    return false;
}

/* Nemec et al., "The Return of Coppersmith's Attack" (CVE-2017-15361): Infineon's primes are powers of 65537 modulo all small
 * primes, and so is their product. Of other keys one in 2^27 looks so. */
static bool has_roca_fingerprint(const BIGNUM *n)
{
    for (unsigned p = 3; p <= ROCA_PRIMES_UP_TO; p += 2)
        if (is_prime(p) && !is_power(n, p))
            return false;
    return true;
}

/* floor(sqrt(n)) by Newton's method, from above. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *next = BN_CTX_get(ctx);
    BN_zero(root);
    bool ok = next != NULL && BN_set_bit(root, (BN_num_bits(n) + 1) / 2) == 1;
    while (ok) {
        ok = BN_div(next, NULL, n, root, ctx) && BN_add(next, next, root) && BN_rshift1(next, next);
        if (!ok || BN_cmp(next, root) >= 0)
            break;
        ok = BN_copy(root, next) != NULL;
    }
    return ok;
}

/* Fermat: with p and q close, n = a^2 - b^2 for an a just above sqrt(n) (CVE-2022-26320). 1, 0, or -1 when memory is short. */
static int fermat_factors(const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *a = BN_CTX_get(ctx), *b2 = BN_CTX_get(ctx), *b = BN_CTX_get(ctx), *back = BN_CTX_get(ctx);
    if (back == NULL || !square_root(a, n, ctx))
        return -1;
    for (int i = 0; i < FERMAT_STEPS; i++, (void)BN_add_word(a, 1)) {
        if (!BN_sqr(b2, a, ctx) || !BN_sub(b2, b2, n))
            return -1;
        if (BN_is_negative(b2))
            continue; /* the rounded-down root itself */
        BN_CTX_start(ctx);
        bool ok = square_root(b, b2, ctx) && BN_sqr(back, b, ctx);
        BN_CTX_end(ctx);
        if (!ok)
            return -1;
        if (BN_cmp(back, b2) == 0)
            return 1;
    }
    return 0;
}

static const char *weakness(const BIGNUM *n, const BIGNUM *e)
{
    BN_CTX *ctx = BN_CTX_new();
    const char *found = NULL;
    if (ctx != NULL)
        BN_CTX_start(ctx);
    if (BN_num_bits(n) < BITS_MIN)
        found = "RSA modulus of less than 2048 bits";
    else if (!BN_is_word(e, 65537))
        found = "RSA public exponent other than 65537";
    else if (has_small_factor(n))
        found = "RSA modulus with a small factor";
    else if (has_roca_fingerprint(n))
        found = "RSA modulus with the ROCA fingerprint (CVE-2017-15361): it can be factored";
    else if (ctx == NULL || fermat_factors(n, ctx) != 0)
        found = ctx == NULL ? "out of memory" : "RSA primes too close to each other: Fermat's method factors the modulus";
    if (ctx != NULL)
        BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return found;
}

const char *rsa_weakness(struct bytes spki)
{
    const unsigned char *p = spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.len);
    BIGNUM *n = NULL, *e = NULL;
    const char *found = "public key that cannot be read";
    if (key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        found = weakness(n, e);
    BN_free(n);
    BN_free(e);
    EVP_PKEY_free(key);
    return found;
}
