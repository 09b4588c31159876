/* RSA keys: made here, or completed from two primes. */
#include "random.h"
#include "rsa.h"

#include <string.h>

#define HALF_MAX (CRYPTO_RSA_MAX / 2)
/* Primes that share their first 100 bits are found by Fermat's method (FIPS 186-4, B.3.1). */
#define CLOSE_OCTETS 13

/* A key that does not sign is no key: a random hash, signed and verified. */
static int try_key(struct crypto_rsa_private *key)
{
    uint8_t hash[CRYPTO_SHA256_LEN], signature[CRYPTO_RSA_MAX];

    crypto_random(hash, sizeof hash);
    if (crypto_rsa_sign(key, hash, sizeof hash, signature) == CRYPTO_OK)
        return CRYPTO_OK;
    crypto_wipe(key, sizeof *key);
    return CRYPTO_EKEY;
}

/* Right-aligned into `half` octets. */
static void place(uint8_t *out, size_t half, const uint8_t *part, size_t len)
{
    memset(out, 0, half - len);
    memcpy(out + half - len, part, len);
}

int crypto_rsa_generate(uint16_t bits, struct crypto_rsa_private *out)
{
    uint8_t private[BR_RSA_KBUF_PRIV_SIZE(4096)], public[BR_RSA_KBUF_PUB_SIZE(4096)];
    br_rsa_private_key sk;
    br_rsa_public_key pk;
    size_t half = bits / 16;
    int result = CRYPTO_EFAULT;

    memset(out, 0, sizeof *out);
    if (!crypto_rsa_bits_valid(bits))
        return CRYPTO_EPARAM;
    if (random_reseed() != CRYPTO_OK || RSA_ENGINE(keygen)(random_prng(), &sk, private, &pk, public, bits, 65537) != 1)
        goto out;
    if (pk.nlen != bits / 8 || sk.plen > half || sk.qlen > half || sk.dplen > half || sk.dqlen > half || sk.iqlen > half)
        goto out;
    out->pub.bits = bits;
    out->pub.e = 65537;
    memcpy(out->pub.n, pk.n, pk.nlen);
    place(out->p, half, sk.p, sk.plen);
    place(out->q, half, sk.q, sk.qlen);
    place(out->dp, half, sk.dp, sk.dplen);
    place(out->dq, half, sk.dq, sk.dqlen);
    place(out->iq, half, sk.iq, sk.iqlen);
    result = try_key(out);
out:
    crypto_wipe(private, sizeof private);
    return result;
}

/* n = p * q; `half` octets each. */
static void multiply(const uint8_t *p, const uint8_t *q, size_t half, uint8_t *n)
{
    memset(n, 0, 2 * half);
    for (size_t i = half; i-- > 0;) {
        uint32_t carry = 0;

        for (size_t j = half; j-- > 0;) {
            carry += n[i + j + 1] + (uint32_t)p[i] * q[j];
            n[i + j + 1] = (uint8_t)carry;
            carry >>= 8;
        }
        n[i] = (uint8_t)carry;
    }
}

/* x - small, which is less than x. */
static void minus_small(const uint8_t *x, size_t len, uint8_t small, uint8_t *out)
{
    uint32_t borrow = small;

    for (size_t i = len; i-- > 0;) {
        uint32_t digit = (uint32_t)x[i] - borrow;

        out[i] = (uint8_t)digit;
        borrow = digit >> 31;
    }
}

static uint32_t mod_small(const uint8_t *x, size_t len, uint32_t m)
{
    uint64_t rest = 0;

    for (size_t i = 0; i < len; i++)
        rest = (rest << 8 | x[i]) % m;
    return (uint32_t)rest;
}

/* a^-1 mod m by Euclid, or 0 when there is none. */
static uint32_t invert_small(uint32_t a, uint32_t m)
{
    int64_t r0 = m, r1 = a, t0 = 0, t1 = 1;

    while (r1 != 0) {
        int64_t quotient = r0 / r1, r = r0 - quotient * r1, t = t0 - quotient * t1;

        r0 = r1;
        r1 = r;
        t0 = t1;
        t1 = t;
    }
    if (r0 != 1)
        return 0;
    return (uint32_t)(t0 < 0 ? t0 + m : t0);
}

/* d = e^-1 mod (p - 1) = (1 + k (p - 1)) / e, with k = -(p - 1)^-1 mod e. The time depends on (p - 1) mod e, once per import. */
static int exponent(const uint8_t *p, size_t half, uint32_t e, uint8_t *d)
{
    uint8_t product[HALF_MAX + 4];
    uint64_t carry = 1, rest = 0;
    uint32_t inverse, k;

    minus_small(p, half, 1, d);
    inverse = invert_small(mod_small(d, half, e), e);
    if (inverse == 0)
        return CRYPTO_EKEY;
    k = e - inverse;
    for (size_t i = half; i-- > 0;) {
        carry += (uint64_t)k * d[i];
        product[i + 4] = (uint8_t)carry;
        carry >>= 8;
    }
    rsa_exponent((uint32_t)carry, product);
    for (size_t i = 0; i < half + 4; i++) {
        rest = rest << 8 | product[i];
        if (i >= 4)
            d[i - 4] = (uint8_t)(rest / e);
        rest %= e;
    }
    crypto_wipe(product, sizeof product);
    return CRYPTO_OK;
}

/* iq = q^-1 mod p = q^(p-2) mod p (Fermat), with the engine's constant-time exponentiation. */
static int inverse_of_q(struct crypto_rsa_private *key, size_t half)
{
    uint8_t power[HALF_MAX];
    br_rsa_public_key modulus = {.n = key->p, .nlen = half, .e = power, .elen = half};
    int result = CRYPTO_OK;

    minus_small(key->p, half, 2, power);
    memcpy(key->iq, key->q, half);
    if (RSA_ENGINE(public)(key->iq, half, &modulus) != 1)
        result = CRYPTO_EKEY;
    crypto_wipe(power, sizeof power);
    return result;
}

int crypto_rsa_import(uint16_t bits, uint32_t e, const uint8_t *p, const uint8_t *q, struct crypto_rsa_private *out)
{
    size_t half = bits / 16;
    bool swap;

    memset(out, 0, sizeof *out);
    if (!crypto_rsa_bits_valid(bits) || e <= 3 || e % 2 == 0 || p[half - 1] % 2 == 0 || q[half - 1] % 2 == 0)
        return CRYPTO_EPARAM;
    if (memcmp(p, q, CLOSE_OCTETS) == 0)
        return CRYPTO_EKEY;
    swap = memcmp(p, q, half) < 0; /* p > q, so that q is reduced modulo p; two primes have no order an attacker could use */
    memcpy(out->p, swap ? q : p, half);
    memcpy(out->q, swap ? p : q, half);
    out->pub.bits = bits;
    out->pub.e = e;
    multiply(out->p, out->q, half, out->pub.n);
    if ((out->pub.n[0] & 0x80) == 0 || exponent(out->p, half, e, out->dp) != CRYPTO_OK ||
        exponent(out->q, half, e, out->dq) != CRYPTO_OK || inverse_of_q(out, half) != CRYPTO_OK) {
        crypto_wipe(out, sizeof *out);
        return CRYPTO_EKEY;
    }
    return try_key(out);
}
