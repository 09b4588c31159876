/* verify: every DKIM-Signature of one message (RFC 6376 §6), over the same header store and canonicalisers as signing. */
#ifndef ZEGEL_DKIM_VERIFY_H
#define ZEGEL_DKIM_VERIFY_H

#include "dkim/keyrecord.h"
#include "dkim/sign.h"

enum verify_result { VERIFY_PASS, VERIFY_FAIL, VERIFY_PERMERROR, VERIFY_TEMPERROR, VERIFY_POLICY, VERIFY_NEUTRAL };
/* As RFC 8601 §2.7.1 spells them. */
const char *verify_result_name(enum verify_result r);

/* What DNSSEC says of the key record. Unknown: the look-up could not tell (a zone file), or there was none. */
enum verify_dnssec { VERIFY_DNSSEC_UNKNOWN, VERIFY_DNSSEC_INSECURE, VERIFY_DNSSEC_SECURE, VERIFY_DNSSEC_BOGUS };
/* "unknown", "insecure", "secure", "bogus" */
const char *verify_dnssec_name(enum verify_dnssec s);

struct verification {
    enum verify_result result;
    const char *reason;   /* static; "" when it passed and there is nothing to say */
    struct sigheader sig; /* views into the message's header store */
    unsigned bits;        /* of the key; 0: none was found */
    bool testing;         /* t=y */
    enum verify_dnssec dnssec;
};

enum verify_key_status {
    VERIFY_KEY_FOUND,
    VERIFY_KEY_NONE,
    VERIFY_KEY_MANY,     /* more than one record: undefined (RFC 6376 §3.6.2.2) */
    VERIFY_KEY_TRY_LATER /* no answer, or one that DNSSEC says is forged */
};

struct verify_key {
    struct out txt; /* the record's strings, concatenated */
    enum verify_dnssec dnssec;
};

/* Finds the TXT record of the name SELECTOR._domainkey.DOMAIN, `name`, which has A-labels only and no dot at its end. */
typedef enum verify_key_status verify_key_lookup(void *arg, const char *name, struct verify_key *key);

enum { VERIFY_RESULTS_MAX = DKIM_SIGNATURES_MAX + 1 };

/* The message must stand in `m`: fields added, body hashed both ways, dkim_sign_body_end called. Returns the number of
 * results in `out`: one for each DKIM-Signature from the top. Of more than DKIM_SIGNATURES_MAX the first that is not looked
 * at has one for all the rest, and a header too large for m->header has at least one: nothing is left out in silence. */
size_t verify_message(const struct dkim_sign *m, int64_t now, verify_key_lookup *lookup, void *arg,
                      struct verification out[VERIFY_RESULTS_MAX]);

#endif
