/* card: a person's smartcard makes a signature, through libp11. The card holds RSA or P-256 keys only: libp11 0.4.12 cannot
 * list a token with an Ed25519 key. */
#ifndef ZEGEL_CEREMONY_CARD_H
#define ZEGEL_CEREMONY_CARD_H

#include <openssl/x509.h>

#include "base/buf.h"

struct card {
    const char *name;      /* for messages and the latch */
    const char *module;    /* absolute path */
    const char *uri;       /* RFC 7512, picks the token */
    const char *latch_dir; /* where a refused PIN is remembered */
};

/* A detached CMS signature over `content` by the card's key that belongs to `certificate`. The card is checked through our own
 * token layer first: a missing, locked or uninitialised one, or a wrong PIN, never reaches libp11, which hangs or tries again. */
int card_sign(const struct card *card, struct bytes pin, X509 *certificate, struct bytes content, struct buf *der,
              struct buf *why);

#endif
