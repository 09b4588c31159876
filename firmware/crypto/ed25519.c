/* Ed25519 over libsodium. */
#include "random.h"

#include <sodium.h>
#include <string.h>

void crypto_ed25519_from_seed(const uint8_t seed[32], struct crypto_ed25519 *out)
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];

    (void)crypto_sign_ed25519_seed_keypair(out->public, secret, seed);
    memcpy(out->seed, seed, sizeof out->seed);
    crypto_wipe(secret, sizeof secret);
}

int crypto_ed25519_generate(struct crypto_ed25519 *out)
{
    uint8_t seed[32];

    if (random_reseed() != CRYPTO_OK) {
        memset(out, 0, sizeof *out);
        return CRYPTO_EFAULT;
    }
    crypto_random(seed, sizeof seed);
    crypto_ed25519_from_seed(seed, out);
    crypto_wipe(seed, sizeof seed);
    return CRYPTO_OK;
}

int crypto_ed25519_check(const struct crypto_ed25519 *key)
{
    struct crypto_ed25519 derived;
    bool same;

    crypto_ed25519_from_seed(key->seed, &derived);
    same = crypto_equal(derived.public, key->public, sizeof key->public);
    crypto_wipe(&derived, sizeof derived);
    return same ? CRYPTO_OK : CRYPTO_EKEY;
}

int crypto_ed25519_sign(const struct crypto_ed25519 *key, const void *message, size_t len, uint8_t signature[CRYPTO_ED25519_SIG])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];

    memcpy(secret, key->seed, sizeof key->seed);
    memcpy(secret + sizeof key->seed, key->public, sizeof key->public);
    (void)crypto_sign_ed25519_detached(signature, NULL, message, len, secret);
    crypto_wipe(secret, sizeof secret);
    if (crypto_ed25519_verify(key->public, message, len, signature) == CRYPTO_OK)
        return CRYPTO_OK;
    crypto_wipe(signature, CRYPTO_ED25519_SIG);
    return CRYPTO_EFAULT;
}

int crypto_ed25519_verify(const uint8_t public[32], const void *message, size_t len, const uint8_t signature[CRYPTO_ED25519_SIG])
{
    return crypto_sign_ed25519_verify_detached(signature, message, len, public) == 0 ? CRYPTO_OK : CRYPTO_EVERIFY;
}
