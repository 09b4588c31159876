/* The generator of the device: HMAC-DRBG with SHA-256 (NIST SP 800-90A, 10.1.2), seeded with 48 octets from the port. */
#include "random.h"

#include "hal.h"

#include <sodium.h>

#define SEED_LEN 48 /* 384 bits: security strength 256 and a nonce of half of it (SP 800-90A, 8.6.7) */

static br_hmac_drbg_context drbg;

static const char *sodium_name(void)
{
    return "zegel";
}

static uint32_t sodium_random(void)
{
    uint32_t word;

    crypto_random(&word, sizeof word);
    return word;
}

static void sodium_buf(void *const out, const size_t len)
{
    crypto_random(out, len);
}

static struct randombytes_implementation sodium_source = {
    .implementation_name = sodium_name,
    .random = sodium_random,
    .buf = sodium_buf,
};

int random_init(void)
{
    uint8_t seed[SEED_LEN];

    if (hal_entropy(seed, sizeof seed) != HAL_OK)
        return CRYPTO_EFAULT;
    br_hmac_drbg_init(&drbg, &br_sha256_vtable, seed, sizeof seed);
    crypto_wipe(seed, sizeof seed);
    return randombytes_set_implementation(&sodium_source) == 0 ? CRYPTO_OK : CRYPTO_EFAULT;
}

int random_reseed(void)
{
    uint8_t seed[SEED_LEN];

    if (hal_entropy(seed, sizeof seed) != HAL_OK)
        return CRYPTO_EFAULT;
    br_hmac_drbg_update(&drbg, seed, sizeof seed);
    crypto_wipe(seed, sizeof seed);
    return CRYPTO_OK;
}

const br_prng_class **random_prng(void)
{
    return &drbg.vtable;
}

void crypto_random(void *out, size_t len)
{
    br_hmac_drbg_generate(&drbg, out, len);
}

void crypto_random_mix(const void *data, size_t len)
{
    br_hmac_drbg_update(&drbg, data, len);
}
