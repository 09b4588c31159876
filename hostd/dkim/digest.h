/* digest: SHA-256, and the public-key half of RFC 6376 §3.3 and RFC 8463 §3. One implementation: digest_openssl.c. */
#ifndef ZEGEL_DKIM_DIGEST_H
#define ZEGEL_DKIM_DIGEST_H

#include "dkim/limits.h"
#include "base/bytes.h"

/* Before a process shuts itself in: libcrypto reads its configuration and sets itself up now or never. False: it does not hash or
 * verify what is known; it found no memory, and would lack that for as long as the process lives. */
bool digest_set_up(void);

struct digest; /* one running SHA-256 */

struct digest *digest_new(void); /* NULL when memory is short */
void digest_free(struct digest *d);
void digest_start(struct digest *d);
void digest_update(struct digest *d, struct bytes in);
/* False when any call since digest_start failed. */
bool digest_final(struct digest *d, uint8_t hash[DKIM_HASH_LEN]);
bool digest_sha256(struct bytes in, uint8_t hash[DKIM_HASH_LEN]);

enum digest_key_type { DIGEST_KEY_RSA, DIGEST_KEY_ED25519 };

struct digest_key; /* a public key, ready to verify with; may be used by one thread at a time */

/* From DER SubjectPublicKeyInfo. NULL when it is not an RSA or Ed25519 key, or an RSA key that no honest generator makes: an
 * even modulus, or an exponent that is even, below 3 or above 2^64. The caller frees. */
struct digest_key *digest_key_from_spki(struct bytes der);
/* From what stands in p= of a key record: SPKI or bare RSAPublicKey for RSA, 32 raw octets for Ed25519. */
struct digest_key *digest_key_from_record(enum digest_key_type type, struct bytes p);
void digest_key_free(struct digest_key *k);
enum digest_key_type digest_key_type(const struct digest_key *k);
unsigned digest_key_bits(const struct digest_key *k);
/* What belongs into p= (SPKI for RSA, 32 raw octets for Ed25519). Returns its length, 0 when it does not fit. */
size_t digest_key_record(const struct digest_key *k, uint8_t *p, size_t cap);
/* Is `sig` over the SHA-256 `hash`? RSA: PKCS#1 v1.5; Ed25519: pure, over the 32 octets (RFC 8463 §3). */
bool digest_verify(const struct digest_key *k, const uint8_t hash[DKIM_HASH_LEN], struct bytes sig);

#endif
