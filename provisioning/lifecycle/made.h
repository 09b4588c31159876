/* made: the keys of a generation on their token. */
#ifndef ZEGEL_LIFECYCLE_MADE_H
#define ZEGEL_LIFECYCLE_MADE_H

#include "lifecycle/store.h"
#include "pkcs11/key.h"

/* DOMAIN/SELECTOR */
void made_label(const char *domain, const struct store_key *k, struct buf *out);
/* A pkcs11: URI of the key on the token that `token_uri` picks. */
void made_uri(const char *token_uri, const char *domain, const struct store_key *k, struct buf *out);
/* A selector and a CKA_ID for one more key of this algorithm; the selector is new because the number is. */
int made_plan(struct store_key *k, unsigned number, const char *algorithm, int64_t now_s);
/* The public half of a key, into spki_sha256 and record. */
int made_describe(const struct key *key, struct store_key *k, struct buf *why);

/* Has the token this very key? LIFE_TOKEN_UNKNOWN and a line in `why` when it cannot be told. */
enum life_token made_look(struct token *t, const char *domain, const struct store_key *k, struct buf *why);
/* Makes it, or takes what was made of it before (same CKA_ID, same label); of a half-made one the rest is cleared first.
 * ZEGEL_ERR_EXISTS: the token has a key of that name that we never made. */
int made_make(struct token *t, const char *domain, struct store_key *k, struct buf *why);
/* Destroys what there is of it, and looks that nothing is left. Another key under its name: ZEGEL_ERR_REFUSED. */
int made_destroy(struct token *t, const char *domain, const struct store_key *k, struct buf *why);

#endif
