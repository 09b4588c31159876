/* sigheader: the DKIM-Signature field (RFC 6376 §3.5), made and read. */
#ifndef ZEGEL_DKIM_SIGHEADER_H
#define ZEGEL_DKIM_SIGHEADER_H

#include "dkim/select.h"
#include "dkim/taglist.h"

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

/* "rsa-sha256", "ed25519-sha256" */
const char *dkim_algorithm_name(enum dkim_algorithm a);

struct sigheader_params {
    enum dkim_algorithm algorithm;
    bool relaxed_header, relaxed_body;
    struct bytes domain;   /* d= */
    struct bytes selector; /* s= */
    struct bytes identity; /* i=; empty: no such tag. Must end in d= or a subdomain of it. */
    int64_t timestamp;     /* t=, seconds since 1970 */
    int64_t expire;        /* x=, seconds since 1970; 0: no such tag */
};

/* Appends the value, from the space behind the colon to "b=" and nothing behind it, folded with CRLF HTAB at 78 columns.
 * `bh` is the body hash. */
void sigheader_make(const struct sigheader_params *p, const struct selected *sel, const uint8_t bh[DKIM_HASH_LEN],
                    struct out *value);
/* Appends b='s value, folded. */
void sigheader_add_signature(struct bytes sig, struct out *value);

enum sigheader_error {
    SIG_OK,
    SIG_SYNTAX,      /* not a tag list, or a tag whose value is not what §3.5 says */
    SIG_VERSION,     /* v= is not 1 */
    SIG_MISSING_TAG, /* one of v a b bh d h s */
    SIG_ALGORITHM,   /* a= is none we know, or it is SHA-1 (RFC 8301) */
    SIG_CANONICALIZATION,
    SIG_DOMAIN,                /* d=, s= or i= is no name (RFC 8616: UTF-8 is one), or i= lies outside d= */
    SIG_FROM_UNSIGNED,         /* h= lacks From (§5.4) */
    SIG_EXPIRED_BEFORE_SIGNED, /* x= is not after t= */
    SIG_BODY_HASH,             /* bh= is not 32 octets of base64 */
    SIG_BODY_LENGTH,           /* l= stands there: part of the body may be anyone's */
    SIG_QUERY,                 /* q= names no method we have */
    SIG_TOO_MANY,              /* h= names more fields than we look at */
};
const char *sigheader_strerror(enum sigheader_error e);

struct sigheader {
    enum dkim_algorithm algorithm;
    bool relaxed_header, relaxed_body;
    struct bytes domain, selector, identity; /* identity: {NULL,0} when absent */
    struct bytes h;                          /* raw value of h= */
    struct bytes b;                          /* raw value of b=, base64 with folds */
    struct bytes b_region;                   /* all between "b=" and the next ";" or the end: what §3.7 deletes */
    uint8_t bh[DKIM_HASH_LEN];
    int64_t timestamp, expire; /* -1: absent */
    bool has_l;
    bool sha1; /* SIG_ALGORITHM because of SHA-1 */
};

/* `value`: all behind "DKIM-Signature:". What could be read is filled in even on an error. Views into `value`. */
enum sigheader_error sigheader_parse(struct bytes value, struct sigheader *out);

/* The domain of i=: all behind its last "@"; {NULL,0} without one. */
struct bytes sigheader_identity_domain(const struct sigheader *s);

/* The next name of h=, or false. *rest starts as sigheader.h. */
bool sigheader_next_name(struct bytes *rest, struct bytes *name);

#endif
