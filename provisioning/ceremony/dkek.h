/* dkek: a key goes from one SmartCard-HSM to another, encrypted under the Device Key Encryption Key that both have, by OpenSC's
 * sc-hsm-tool and pkcs15-tool. How the cards get that key, in shares that no program of ours sees: README. What another program
 * does to a card is seen after token_restart only. */
#ifndef ZEGEL_CEREMONY_DKEK_H
#define ZEGEL_CEREMONY_DKEK_H

#include "pkcs11/wrap.h"

enum { DKEK_CHECK_HEX = 17 };

/* All: the card is the one in the reader of the token's slot; the tool has a minute; ZEGEL_ERR_MODULE and what it said when it
 * fails. */

/* The key check value of the card's DKEK, in lower case. ZEGEL_ERR_REFUSED: it has none, or shares are missing. */
int dkek_check(struct token *t, char check[DKEK_CHECK_HEX], struct buf *why);
/* Where on the card the key is; ZEGEL_ERR_KEY_GONE when its CKA_ID is not there once. */
int dkek_reference(struct token *t, const struct key *k, int *reference, struct buf *why);
/* Out, as w->key, and in, at the same place, which has to be free. The PIN is that of the token's login; the tool gets it in its
 * environment. */
int dkek_wrap(struct token *t, int reference, struct wrapped *w, struct buf *why);
int dkek_unwrap(struct token *t, int reference, const struct wrapped *w, struct buf *why);

/* "Key ref : N" of that CKA_ID in what pkcs15-tool --list-keys prints, and the value of a line that sc-hsm-tool prints; -1 and
 * nothing when it is not there once. */
int dkek_listed(struct bytes listing, struct bytes id);
struct bytes dkek_said(struct bytes listing, const char *name);

#endif
