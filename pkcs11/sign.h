/* sign: have the token make one signature, over whatever loss of session, login or handle happens on the way. */
#ifndef ZEGEL_PKCS11_SIGN_H
#define ZEGEL_PKCS11_SIGN_H

#include "pkcs11/key.h"

enum { SIGN_MAX = 512 }; /* octets of an RSA-4096 signature */

/* DKIM's signature over a header block: RSA over its SHA-256, Ed25519 too (RFC 8463 §3). The token hashes it where it can,
 * otherwise we do. Retries within the deadline as ckr.h says; the key is found again and its public key compared after every
 * loss. Does not verify: the caller does, with another process's code. */
int sign_block(struct token *t, struct key *k, struct bytes block, int64_t deadline_ms, uint8_t sig[SIGN_MAX], size_t *sig_len,
               struct buf *why);
/* The same for a text, as other protocols sign one: RSA over its SHA-256, Ed25519 over itself (RFC 8032). */
int sign_text(struct token *t, struct key *k, struct bytes text, int64_t deadline_ms, uint8_t sig[SIGN_MAX], size_t *sig_len,
              struct buf *why);

#endif
