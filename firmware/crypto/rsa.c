/* RSA signatures: PKCS#1 v1.5 over BearSSL's constant-time engines. Nothing leaves that the public key does not accept: a fault
 * in one half of the CRT would otherwise give the factors away (Boneh, DeMillo, Lipton 1997). */
#include "rsa.h"

#include <string.h>

bool crypto_rsa_bits_valid(uint16_t bits)
{
    return bits == 2048 || bits == 3072 || bits == 4096;
}

/* EMSA-PKCS1-v1_5 (RFC 8017, 9.2): 00 01 FF.. 00 T, with at least eight FF. */
static int pad(uint16_t bits, const uint8_t *t, size_t t_len, uint8_t out[CRYPTO_RSA_MAX])
{
    size_t len = bits / 8;

    if (!crypto_rsa_bits_valid(bits) || t_len > len - 11)
        return CRYPTO_EPARAM;
    out[0] = 0;
    out[1] = 1;
    memset(out + 2, 0xFF, len - t_len - 3);
    out[len - t_len - 1] = 0;
    if (t_len > 0)
        memcpy(out + len - t_len, t, t_len);
    return CRYPTO_OK;
}

void rsa_exponent(uint32_t e, uint8_t out[4])
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(e >> (24 - 8 * i));
}

int rsa_public_op(const struct crypto_rsa_public *key, uint8_t *x)
{
    br_rsa_public_key pub = {.n = (uint8_t *)(uintptr_t)key->n, .nlen = key->bits / 8};
    uint8_t e[4];
    size_t zeros = 0; /* in front cost eight squarings each, and the exponent is no secret */

    rsa_exponent(key->e, e);
    while (zeros < sizeof e - 1 && e[zeros] == 0)
        zeros++;
    pub.e = e + zeros;
    pub.elen = sizeof e - zeros;
    return RSA_ENGINE(public)(x, key->bits / 8, &pub) == 1 ? CRYPTO_OK : CRYPTO_EPARAM;
}

/* BearSSL reads the parts only; its structure just does not say so. */
static br_rsa_private_key private_view(const struct crypto_rsa_private *key)
{
    size_t half = key->pub.bits / 16;

    return (br_rsa_private_key){
        .n_bitlen = key->pub.bits,
        .p = (uint8_t *)(uintptr_t)key->p,
        .plen = half,
        .q = (uint8_t *)(uintptr_t)key->q,
        .qlen = half,
        .dp = (uint8_t *)(uintptr_t)key->dp,
        .dplen = half,
        .dq = (uint8_t *)(uintptr_t)key->dq,
        .dqlen = half,
        .iq = (uint8_t *)(uintptr_t)key->iq,
        .iqlen = half,
    };
}

int crypto_rsa_sign(const struct crypto_rsa_private *key, const uint8_t *t, size_t t_len, uint8_t *signature)
{
    uint8_t padded[CRYPTO_RSA_MAX], check[CRYPTO_RSA_MAX];
    br_rsa_private_key view = private_view(key);
    size_t len = key->pub.bits / 8;

    if (pad(key->pub.bits, t, t_len, padded) != CRYPTO_OK)
        return CRYPTO_EPARAM;
    memcpy(signature, padded, len);
    if (RSA_ENGINE(private)(signature, &view) != 1)
        goto fault;
    memcpy(check, signature, len);
    if (rsa_public_op(&key->pub, check) != CRYPTO_OK || !crypto_equal(check, padded, len))
        goto fault;
    return CRYPTO_OK;
fault:
    crypto_wipe(signature, len);
    return CRYPTO_EFAULT;
}

int crypto_rsa_verify(const struct crypto_rsa_public *key, const uint8_t *t, size_t t_len, const uint8_t *signature)
{
    uint8_t padded[CRYPTO_RSA_MAX], check[CRYPTO_RSA_MAX];

    if (pad(key->bits, t, t_len, padded) != CRYPTO_OK)
        return CRYPTO_EPARAM;
    memcpy(check, signature, key->bits / 8);
    if (rsa_public_op(key, check) != CRYPTO_OK || !crypto_equal(check, padded, key->bits / 8))
        return CRYPTO_EVERIFY;
    return CRYPTO_OK;
}

void crypto_digestinfo(const uint8_t hash[CRYPTO_SHA256_LEN], uint8_t out[CRYPTO_DIGESTINFO_LEN])
{
    static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

    _Static_assert(sizeof prefix + CRYPTO_SHA256_LEN == CRYPTO_DIGESTINFO_LEN, "prefix and hash");
    memcpy(out, prefix, sizeof prefix);
    memcpy(out + sizeof prefix, hash, CRYPTO_SHA256_LEN);
}
