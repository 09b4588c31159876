/* observe: what DNS says of a name, from both sides: a validating resolver (libunbound, in this process), and every address of
 * every authoritative server, asked directly and without recursion. Nothing is judged here. */
#ifndef ZEGEL_DNS_OBSERVE_H
#define ZEGEL_DNS_OBSERVE_H

#include <ldns/ldns.h>

#include "base/buf.h"

enum observe_security {
    OBSERVE_UNCHECKED, /* a server's own answer: nothing was validated */
    OBSERVE_INSECURE,  /* no chain of trust leads there (RFC 4035 §4.3) */
    OBSERVE_SECURE,
    OBSERVE_BOGUS,
};

/* One answer to one question. All strings are its own. */
struct observe_answer {
    char *name; /* what was asked, no trailing dot, lower case */
    ldns_rr_type type;
    char *server;   /* "ns1.example.nl 192.0.2.1"; NULL: the validating resolver */
    int64_t time_s; /* when it came, seconds since 1970 */
    char *error;    /* why there is no answer to go by: no reply, bogus, SERVFAIL, not authoritative ...; NULL: the rest holds */
    int rcode;      /* LDNS_RCODE_NOERROR or LDNS_RCODE_NXDOMAIN when error is NULL */
    enum observe_security security;
    char *alias;  /* the last name of the CNAMEs that were in the answer; NULL: none */
    uint32_t ttl; /* seconds; the least of the records and of the CNAMEs before them. Of a negative answer: how long it is kept */
    char **records;   /* TXT: its strings, joined (RFC 6376 §3.6.2.2), control characters as "\DDD"; others as in a zone file */
    unsigned strings; /* of a TXT: the most strings that one record has */
    unsigned count;
};

struct observe_answers {
    struct observe_answer *list;
    unsigned count;
};

struct observe;

/* `resolver`: a file for libunbound in the form of unbound.conf(5), which then says all: trust anchors, forwarders, root hints.
 * NULL: the resolvers of /etc/resolv.conf and the trust anchor of Debian's dns-root-data. `deadline_ms` bounds each question.
 * ZEGEL_OK, or an error with one line in `why`. Answers are cached as long as it is open: one for each round of observation. */
int observe_open(const char *resolver, int deadline_ms, struct observe **out, struct buf *why);
void observe_close(struct observe *o);
/* A server that did not answer once is taken as silent until it is closed. Questions asked after `until_ms` (monotonic) get an
 * answer with an error at once; 0: no such end. */
void observe_until(struct observe *o, int64_t until_ms);

/* The validated answer. ZEGEL_OK also when *out has an error; ZEGEL_ERR_NOMEM. The caller clears *out. */
int observe_resolve(struct observe *o, const char *name, ldns_rr_type type, struct observe_answer *out);
/* A TXT record as it is, for whoever reads it further: its strings, concatenated, no octet changed. */
struct observe_txt {
    char *error; /* why there is no answer to go by; NULL: the rest holds */
    enum observe_security security;
    unsigned count;  /* of the records that the name has; 0: none, or no such name */
    struct buf text; /* of the first */
};

/* The validated answer. ZEGEL_OK also when *out has an error; ZEGEL_ERR_NOMEM. The caller clears *out. */
int observe_txt(struct observe *o, const char *name, struct observe_txt *out);

/* The zone that `name` is in, as its NS records: the nearest name, itself or above, that has some; out->name is the zone's.
 * ZEGEL_OK also when *out has an error; ZEGEL_ERR_NOT_FOUND. The caller clears *out. */
int observe_zone(struct observe *o, const char *name, struct observe_answer *out);
/* The answer of every address of every authoritative server of the zone that `name` is in; if one of them answers with a CNAME,
 * then also those of the target's zone, and so on. That the servers cannot be found is one answer with an error. */
int observe_servers(struct observe *o, const char *name, ldns_rr_type type, struct observe_answers *out);

void observe_answer_clear(struct observe_answer *a);
void observe_answers_clear(struct observe_answers *a);
void observe_txt_clear(struct observe_txt *t);
/* "secure", "insecure", "bogus", "unchecked" */
const char *observe_security_name(enum observe_security s);
/* "NOERROR", "NXDOMAIN" ...; "?" for what has no name. */
const char *observe_rcode_name(int rcode);

#endif
