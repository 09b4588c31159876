/* keyaudit: is this key what a signing key should be? Attributes as the token shows them, and the public key itself. */
#ifndef ZEGEL_KEYAUDIT_H
#define ZEGEL_KEYAUDIT_H

#include "pkcs11/key.h"

enum { KEYAUDIT_HASH_HEX = 65 };

/* What is wrong with these attributes, one static clause, or NULL. What a token does not say is not held against it, but for
 * SIGN, SENSITIVE and EXTRACTABLE. `backed_up`: what a wrapped backup leaves behind is no fault: the key could leave before, was
 * closed by a change, or is the restored copy itself. What it can do now is judged all the same. */
const char *key_attributes_wrong(const struct key_attributes *a, bool backed_up);
/* `backed_up`: SHA-256 of the public key that is known to have a wrapped backup (hex), or ""; *excused: only that made it pass.
 * ZEGEL_OK; ZEGEL_ERR_KEY_UNUSABLE with one line in `why`; or the error that kept us from looking. */
int key_audit(struct token *t, const struct key *k, const char *backed_up, bool *excused, struct buf *why);

#endif
