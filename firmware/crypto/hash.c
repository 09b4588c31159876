/* SHA-256, HMAC, HKDF over BearSSL; comparing and wiping. */
#include "crypto.h"

#include <bearssl.h>
#include <sodium.h>

_Static_assert(sizeof(struct crypto_sha256) >= sizeof(br_sha256_context), "crypto_sha256 holds BearSSL's context");
_Static_assert(_Alignof(struct crypto_sha256) >= _Alignof(br_sha256_context), "and is aligned for it");

void crypto_wipe(void *data, size_t len)
{
    sodium_memzero(data, len);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void crypto_sha256_init(struct crypto_sha256 *ctx)
{
    br_sha256_init((br_sha256_context *)(void *)ctx->opaque);
}

void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t len)
{
    br_sha256_update((br_sha256_context *)(void *)ctx->opaque, data, len);
}

void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_LEN])
{
    br_sha256_out((const br_sha256_context *)(const void *)ctx->opaque, out);
}

void crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256_LEN])
{
    struct crypto_sha256 ctx;

    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, data, len);
    crypto_sha256_final(&ctx, out);
    crypto_wipe(&ctx, sizeof ctx);
}

void crypto_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[CRYPTO_SHA256_LEN])
{
    br_hmac_key_context kc;
    br_hmac_context ctx;

    br_hmac_key_init(&kc, &br_sha256_vtable, key, key_len);
    br_hmac_init(&ctx, &kc, 0);
    br_hmac_update(&ctx, data, len);
    br_hmac_out(&ctx, out);
    crypto_wipe(&kc, sizeof kc);
    crypto_wipe(&ctx, sizeof ctx);
}

void crypto_hkdf(const void *secret, size_t secret_len, const void *salt, size_t salt_len, const void *info, size_t info_len,
                 void *out, size_t out_len)
{
    br_hkdf_context ctx;

    br_hkdf_init(&ctx, &br_sha256_vtable, salt, salt_len);
    br_hkdf_inject(&ctx, secret, secret_len);
    br_hkdf_flip(&ctx);
    br_hkdf_produce(&ctx, info, info_len, out, out_len);
    crypto_wipe(&ctx, sizeof ctx);
}
