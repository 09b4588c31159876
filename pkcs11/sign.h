/* sign: have the token make one signature, over whatever loss of session, login or handle happens on the way. */
#ifndef ZEGEL_PKCS11_SIGN_H
#define ZEGEL_PKCS11_SIGN_H

#include "pkcs11/key.h"

enum { SIGN_MAX = 512 }; /* octets of an RSA-4096 signature */

/* RSA: `data` is the header block itself (the token, or for CKM_RSA_PKCS we, hash it). Ed25519: `data` is the 32-byte
 * SHA-256 of it (RFC 8463 §3). Retries within the deadline as ckr.h says; the key is found again and its public key
 * compared after every loss. Does not verify: the caller does, with another process's code. */
int sign_data(struct token *t, struct key *k, struct bytes data, int64_t deadline_ms, uint8_t sig[SIGN_MAX], size_t *sig_len,
              struct buf *why);

#endif
