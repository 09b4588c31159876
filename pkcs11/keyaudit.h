/* keyaudit: is this key what a signing key should be? Attributes as the token shows them, and the public key itself. */
#ifndef ZEGEL_KEYAUDIT_H
#define ZEGEL_KEYAUDIT_H

#include "pkcs11/key.h"

/* What is wrong with these attributes, one static clause, or NULL. What a token does not say is not held against it, but for
 * SIGN, SENSITIVE and EXTRACTABLE. */
const char *key_attributes_wrong(const struct key_attributes *a);
/* ZEGEL_OK; ZEGEL_ERR_KEY_UNUSABLE with one line in `why`; or the error that kept us from looking. */
int key_audit(struct token *t, const struct key *k, struct buf *why);

#endif
