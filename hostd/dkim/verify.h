/* verify: every DKIM-Signature of one message (RFC 6376 §6), over the same header store and canonicalisers as signing. */
#ifndef ZEGEL_DKIM_VERIFY_H
#define ZEGEL_DKIM_VERIFY_H

#include "dkim/keyrecord.h"
#include "dkim/sign.h"

enum verify_result { VERIFY_PASS, VERIFY_FAIL, VERIFY_PERMERROR, VERIFY_TEMPERROR, VERIFY_POLICY, VERIFY_NEUTRAL };
/* As RFC 8601 §2.7.1 spells them. */
const char *verify_result_name(enum verify_result r);

struct verification {
    enum verify_result result;
    const char *reason;   /* static; "" when it passed and there is nothing to say */
    struct sigheader sig; /* views into the message's header store */
    unsigned bits;        /* of the key; 0: none was found */
    bool testing;         /* t=y */
};

enum verify_key_status { VERIFY_KEY_FOUND, VERIFY_KEY_NONE, VERIFY_KEY_TRY_LATER };

/* Finds SELECTOR._domainkey.DOMAIN's TXT record, strings concatenated, into `txt`. */
typedef enum verify_key_status verify_key_lookup(void *arg, struct bytes selector, struct bytes domain, struct out *txt);

/* The message must stand in `m`: fields added, body hashed both ways, dkim_sign_body_end called. Returns the number of
 * results in `out`: one per DKIM-Signature from the top, at most DKIM_SIGNATURES_MAX. */
size_t verify_message(const struct dkim_sign *m, int64_t now, verify_key_lookup *lookup, void *arg,
                      struct verification out[DKIM_SIGNATURES_MAX]);

#endif
