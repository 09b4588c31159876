/* crypto: all cryptography of the token. Implemented over BearSSL (RSA, SHA-256, HMAC-DRBG) and libsodium (Ed25519,
 * XChaCha20-Poly1305) in firmware/crypto; the core sees neither of them. Fixed-size structures, no allocation, no recursion.
 *
 * Secrets are handled in constant time, except where a comment says otherwise. Results: CRYPTO_OK or a negative crypto_error; on
 * an error the outputs hold zeros. Numbers are big-endian, left-padded to the length given. */
#ifndef ZEGEL_CRYPTO_H
#define ZEGEL_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum crypto_error {
    CRYPTO_OK = 0,
    CRYPTO_EPARAM = -1,  /* a length, size or value out of bounds */
    CRYPTO_EKEY = -2,    /* the parts of a key do not belong together */
    CRYPTO_EVERIFY = -3, /* a signature, MAC or self-test does not verify */
    CRYPTO_EFAULT = -4,  /* a result computed here did not verify: a fault, or an attack with one; nothing was released */
};

#define CRYPTO_MUST __attribute__((warn_unused_result))

/* Seeds the generator from hal_entropy, gives libsodium its randomness from it, runs the known-answer tests.
 * Once at power-up, before anything else here; on an error the port panics. */
CRYPTO_MUST int crypto_init(void);

/* Zeroes memory; is not optimised away. */
void crypto_wipe(void *data, size_t len);
/* In time that depends on `len` alone. */
CRYPTO_MUST bool crypto_equal(const void *a, const void *b, size_t len);

/* ---- SHA-256 (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869) */
#define CRYPTO_SHA256_LEN 32
struct crypto_sha256 {
    uint64_t opaque[16];
};
void crypto_sha256_init(struct crypto_sha256 *ctx);
void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t len);
/* Leaves `ctx` as it was: more may follow. */
void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_LEN]);
void crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256_LEN]);
void crypto_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[CRYPTO_SHA256_LEN]);
/* At most 255 * 32 octets. */
void crypto_hkdf(const void *secret, size_t secret_len, const void *salt, size_t salt_len, const void *info, size_t info_len,
                 void *out, size_t out_len);

/* ---- random numbers: HMAC-DRBG with SHA-256 (NIST SP 800-90A), one for the device */
void crypto_random(void *out, size_t len);
/* Stirs in what need not be secret (a boot counter, for one: then a constant seed does not give the same numbers at every boot).
 */
void crypto_random_mix(const void *data, size_t len);

/* ---- RSA, PKCS#1 v1.5 (RFC 8017), 2048, 3072 or 4096 bits; public exponent odd, 3 < e < 2^32 */
#define CRYPTO_RSA_MAX 512 /* octets of a modulus or signature */
struct crypto_rsa_public {
    uint16_t bits;
    uint32_t e;
    uint8_t n[CRYPTO_RSA_MAX]; /* the first bits/8 octets */
};
/* Each part bits/16 octets long; carries the public half for the check before a signature is released. */
struct crypto_rsa_private {
    struct crypto_rsa_public pub;
    uint8_t p[CRYPTO_RSA_MAX / 2], q[CRYPTO_RSA_MAX / 2], dp[CRYPTO_RSA_MAX / 2], dq[CRYPTO_RSA_MAX / 2], iq[CRYPTO_RSA_MAX / 2];
};
CRYPTO_MUST bool crypto_rsa_bits_valid(uint16_t bits);
/* e = 65537; slow (seconds, minutes for 4096 bits). The new key is tried before it is returned. */
CRYPTO_MUST int crypto_rsa_generate(uint16_t bits, struct crypto_rsa_private *out);
/* From the primes, bits/16 octets each; computes the rest and tries the key. */
CRYPTO_MUST int crypto_rsa_import(uint16_t bits, uint32_t e, const uint8_t *p, const uint8_t *q, struct crypto_rsa_private *out);
/* Signs `t` (a DigestInfo, at most bits/8 - 11 octets; type 1 padding is put before it here) into bits/8 octets. BearSSL computes
 * in constant time; the signature is verified before it is released (CRYPTO_EFAULT when it does not). */
CRYPTO_MUST int crypto_rsa_sign(const struct crypto_rsa_private *key, const uint8_t *t, size_t t_len, uint8_t *signature);
/* CRYPTO_OK when `signature` (bits/8 octets) is one of `t`. */
CRYPTO_MUST int crypto_rsa_verify(const struct crypto_rsa_public *key, const uint8_t *t, size_t t_len, const uint8_t *signature);
/* The DigestInfo of a SHA-256 hash (RFC 8017, 9.2, note 1). */
#define CRYPTO_DIGESTINFO_LEN 51
void crypto_digestinfo(const uint8_t hash[CRYPTO_SHA256_LEN], uint8_t out[CRYPTO_DIGESTINFO_LEN]);

/* ---- Ed25519 (RFC 8032, pure) */
#define CRYPTO_ED25519_SIG 64
/* Seed and the public key derived from it, always together: signing with a public key of somebody else's choice gives the seed
 * away. Only the functions here fill it; a copy read from storage goes through crypto_ed25519_check. */
struct crypto_ed25519 {
    uint8_t seed[32], public[32];
};
CRYPTO_MUST int crypto_ed25519_generate(struct crypto_ed25519 *out);
void crypto_ed25519_from_seed(const uint8_t seed[32], struct crypto_ed25519 *out);
CRYPTO_MUST int crypto_ed25519_check(const struct crypto_ed25519 *key);
CRYPTO_MUST int crypto_ed25519_sign(const struct crypto_ed25519 *key, const void *message, size_t len,
                                    uint8_t signature[CRYPTO_ED25519_SIG]);
CRYPTO_MUST int crypto_ed25519_verify(const uint8_t public[32], const void *message, size_t len,
                                      const uint8_t signature[CRYPTO_ED25519_SIG]);

/* ---- sealed boxes: XChaCha20-Poly1305 with a nonce from crypto_random; for keys at rest and for wrapped export */
#define CRYPTO_SEAL_OVERHEAD 40 /* nonce 24 before, tag 16 behind the text */
/* `out` takes len + CRYPTO_SEAL_OVERHEAD octets and may not overlap `in`; `ad` is authenticated with it and not in it. */
void crypto_seal(const uint8_t key[32], const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);
/* `len` counts the whole box; `out` takes len - CRYPTO_SEAL_OVERHEAD octets. CRYPTO_EVERIFY: not sealed with this key and `ad`.
 */
CRYPTO_MUST int crypto_open(const uint8_t key[32], const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);

#endif
