/* Sealed boxes: XChaCha20-Poly1305; the nonce is long enough to be random. */
#include "crypto.h"

#include <sodium.h>
#include <string.h>

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
_Static_assert(NONCE_LEN + TAG_LEN == CRYPTO_SEAL_OVERHEAD, "the overhead that crypto.h promises");

void crypto_seal(const uint8_t key[32], const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    crypto_random(out, NONCE_LEN);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_LEN, NULL, in, len, ad, ad_len, NULL, out, key);
}

int crypto_open(const uint8_t key[32], const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    if (len < CRYPTO_SEAL_OVERHEAD)
        return CRYPTO_EPARAM;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in + NONCE_LEN, len - NONCE_LEN, ad, ad_len, in, key) == 0)
        return CRYPTO_OK;
    memset(out, 0, len - CRYPTO_SEAL_OVERHEAD);
    return CRYPTO_EVERIFY;
}
