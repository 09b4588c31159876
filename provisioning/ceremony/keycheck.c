#include "ceremony/keycheck.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"

enum { SMALL = 65536, FERMAT_ROUNDS = 100 };

static bool has_small_factor(const BIGNUM *n)
{
    for (BN_ULONG p = 3; p < SMALL; p += 2)
        if (BN_mod_word(n, p) == 0)
            return true;
    return BN_is_odd(n) == 0;
}

/* ROCA: primes of the form k·M + 65537^a mod M, M the product of the first primes: n is a power of 65537 modulo each of them. */
static bool is_roca(const BIGNUM *n)
{
    static const unsigned char primes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                           47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                           107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (size_t i = 0; i < sizeof primes; i++) {
        unsigned p = primes[i], wanted = (unsigned)BN_mod_word(n, p), power = 1;
        bool found = false;
        for (unsigned a = 0; a < p && !found; a++) {
            found = power == wanted;
            power = power * (65537 % p) % p;
        }
        if (!found)
            return false;
    }
    return true;
}

/* r = floor(sqrt(n)), Newton */
static bool square_root(BIGNUM *r, const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *next = BN_new();
    bool ok = next != NULL && BN_one(r) && BN_lshift(r, r, (BN_num_bits(n) + 1) / 2);
    while (ok) {
        ok = BN_div(next, NULL, n, r, ctx) && BN_add(next, next, r) && BN_rshift1(next, next);
        if (!ok || BN_cmp(next, r) >= 0)
            break;
        ok = BN_copy(r, next) != NULL;
    }
    BN_free(next);
    return ok;
}

/* n = a² - b² with a just above the root: two primes too near to each other. */
static bool is_fermat_weak(const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *a = BN_new(), *b = BN_new(), *rest = BN_new(), *square = BN_new();
    bool ok = a != NULL && b != NULL && rest != NULL && square != NULL && square_root(a, n, ctx), weak = false;
    for (int i = 0; ok && !weak && i < FERMAT_ROUNDS; i++) {
        ok = BN_sqr(rest, a, ctx) && BN_sub(rest, rest, n);
        if (ok && !BN_is_negative(rest)) {
            ok = BN_is_zero(rest) || square_root(b, rest, ctx);
            weak = ok && (BN_is_zero(rest) || (BN_sqr(square, b, ctx) && BN_cmp(square, rest) == 0));
        }
        ok = ok && BN_add_word(a, 1);
    }
    BN_free(a);
    BN_free(b);
    BN_free(rest);
    BN_free(square);
    return weak || !ok;
}

static const char *wrong_rsa(EVP_PKEY *key, int bits)
{
    BIGNUM *n = NULL, *e = NULL;
    BN_CTX *ctx = BN_CTX_new();
    const char *wrong = NULL;
    if (ctx == NULL || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
        wrong = "cannot be read";
    else if (BN_num_bits(n) != bits)
        wrong = "has another size than planned";
    else if (!BN_is_word(e, 65537))
        wrong = "has another exponent than 65537";
    else if (has_small_factor(n))
        wrong = "has a small prime factor";
    else if (is_roca(n))
        wrong = "is of the ROCA family (CVE-2017-15361)";
    else if (is_fermat_weak(n, ctx))
        wrong = "is factored by Fermat's method: its primes are too near to each other";
    BN_free(n);
    BN_free(e);
    BN_CTX_free(ctx);
    return wrong;
}

int keycheck(struct bytes spki, enum plan_algorithm want, struct buf *why)
{
    static const int bits[] = {[PLAN_RSA2048] = 2048, [PLAN_RSA3072] = 3072, [PLAN_RSA4096] = 4096, [PLAN_ED25519] = 0};
    const unsigned char *p = spki.data;
    const char *wrong = NULL;
    EVP_PKEY *key = spki.len == 0 ? NULL : d2i_PUBKEY(NULL, &p, (long)spki.len);
    if (key == NULL || p != spki.data + spki.len)
        wrong = "cannot be read";
    else if (EVP_PKEY_get_base_id(key) != (want == PLAN_ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_RSA))
        wrong = "is of another type than planned";
    else if (want != PLAN_ED25519)
        wrong = wrong_rsa(key, bits[want]);
    EVP_PKEY_free(key);
    if (wrong != NULL)
        buf_addf(why, "the public key %s", wrong);
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_KEY_UNUSABLE;
}
