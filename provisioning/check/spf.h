/* spf: one SPF record (RFC 7208 §12), read; no look-ups. Bytes in, views out. */
#ifndef ZEGEL_CHECK_SPF_H
#define ZEGEL_CHECK_SPF_H

#include "base/bytes.h"

enum { SPF_TERMS_MAX = 128 };

enum spf_kind { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS, SPF_REDIRECT, SPF_EXP, SPF_OTHER };

struct spf_term {
    enum spf_kind kind;
    char qualifier;      /* + - ~ ?; of a modifier 0 */
    struct bytes text;   /* as it stands there */
    struct bytes domain; /* domain-spec; {NULL, 0}: the current domain */
    bool macro;          /* the domain depends on the message */
};

enum spf_error {
    SPF_OK,
    SPF_NONE,   /* no SPF record: does not begin with v=spf1 and a space or the end */
    SPF_TERM,   /* a mechanism that there is not */
    SPF_DOMAIN, /* no domain-spec, or a bad one */
    SPF_NETWORK,
    SPF_LENGTH, /* a CIDR length that there is not */
    SPF_VALUE,  /* a value where none may be, or none where one must be */
    SPF_TWICE,  /* redirect= or exp= twice */
    SPF_MANY,   /* more terms than we look at */
};
/* "unknown mechanism" ... */
const char *spf_strerror(enum spf_error e);

struct spf {
    struct spf_term terms[SPF_TERMS_MAX];
    unsigned count;
    struct bytes bad; /* the term at which reading ended */
};

/* Does it claim to be SPF? (§4.5) */
bool spf_is_record(struct bytes text);
/* Views into `text`. */
enum spf_error spf_parse(struct bytes text, struct spf *out);

#endif
