/* keyrecord: the TXT record of a selector (RFC 6376 §3.6.1, RFC 8463 §4), read and made. */
#ifndef ZEGEL_DKIM_KEYRECORD_H
#define ZEGEL_DKIM_KEYRECORD_H

#include "dkim/digest.h"
#include "dkim/sigheader.h"

enum keyrecord_error {
    KEYRECORD_OK,
    KEYRECORD_SYNTAX,    /* no tag list, or v= is not first or not DKIM1 */
    KEYRECORD_REVOKED,   /* p= is empty */
    KEYRECORD_KEY,       /* p= is no key of that type */
    KEYRECORD_TYPE,      /* k= is neither rsa nor ed25519, or not the signature's */
    KEYRECORD_HASH,      /* h= does not allow sha256 */
    KEYRECORD_SERVICE,   /* s= allows no e-mail */
    KEYRECORD_SUBDOMAIN, /* t=s, and i= is in a subdomain */
};
const char *keyrecord_strerror(enum keyrecord_error e);

struct keyrecord {
    struct digest_key *key; /* the caller frees; NULL unless KEYRECORD_OK */
    bool testing;           /* t=y */
};

/* `txt`: the record's strings, concatenated. Is it a key this signature may be verified with? */
enum keyrecord_error keyrecord_parse(struct bytes txt, const struct sigheader *sig, struct keyrecord *out);
/* "v=DKIM1; k=rsa; p=..." */
void keyrecord_make(const struct digest_key *k, struct out *txt);
/* The same of a SubjectPublicKeyInfo (DER). False: it is no key for DKIM, or txt has too little room. */
bool keyrecord_make_of(struct bytes spki, struct out *txt);

#endif
