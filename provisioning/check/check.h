/* check: the rules that a domain is measured by, as one table; each judges what dns/observe.h saw, and shows what it saw. What
 * cannot be shown is no pass: a server that does not answer is a FAIL of the rule that asked it.
 *
 * Bounded: CHECK_ASKS_MAX questions and CHECK_TIME_MS for one domain; what comes later is answered "no time left" and fails. */
#ifndef ZEGEL_CHECK_H
#define ZEGEL_CHECK_H

#include "config/config.h"
#include "check/life.h"
#include "check/text.h"
#include "dns/observe.h"

enum { CHECK_ASKS_MAX = 400, CHECK_TIME_MS = 120000, CHECK_SPKI_MAX = 1200 };

/* EXPLAINED: a FAIL for which explain.yaml has a reason that still holds. In the order of how bad it is. */
enum check_result { CHECK_PASS, CHECK_INFO, CHECK_WARN, CHECK_EXPLAINED, CHECK_FAIL };

/* One key of ours, with what is known of it besides DNS. */
struct check_key {
    const struct config_key *key;
    uint8_t spki[CHECK_SPKI_MAX]; /* from the token */
    size_t spki_len;              /* 0: not to be had, for this reason: */
    char *absent;
    bool gone; /* the token was there, and has no such key */
    struct check_life life;
    const char *life_source; /* evidence: where that is from, or why nothing is known; borrowed, NULL: nobody was asked */
};

/* What became of a message that the running daemon was to sign. */
struct check_canary {
    enum { CANARY_NOT_TRIED, CANARY_REFUSED, CANARY_UNSIGNED, CANARY_BAD, CANARY_GOOD } fate;
    char through[300];   /* the daemon's socket, as listen: names it */
    char selector[64];   /* BAD: of the first key without a good signature */
    char reason[400];    /* NOT_TRIED, REFUSED, BAD */
    struct buf evidence; /* a line for each signature */
};

/* What is checked. Borrowed; lives as long as the check. */
struct check_subject {
    const char *domain;
    bool sends; /* false: no mail comes from there, and DNS has to say so */
    const struct check_key *keys;
    unsigned keys_count;
    const struct check_canary *canary; /* NULL: none was wanted */
};

struct check_finding {
    enum check_rule_id rule;
    enum check_result result;
    enum check_message message; /* what was found, with these in it */
    char *args[CHECK_ARGS];     /* NULL: none */
    char *evidence;             /* lines: name, type, server, answer, TTL, time */
    char *explained;            /* "until 2027-01-01, OWNER: reason"; NULL: no explanation */
};

struct check {
    struct observe *observe;
    const struct check_subject *subject;
    struct check_finding *findings;
    unsigned count;
    unsigned asks;    /* questions to the resolver */
    int64_t time_s;   /* when it began */
    int64_t until_ms; /* monotonic */
    bool failed;      /* memory was short: the findings are not all there are */
};

struct check_rule {
    const char *id;
    const char *source; /* where the demand comes from */
};

extern const struct check_rule check_rules[CHECK_RULES];

/* Runs every rule that applies. ZEGEL_OK or ZEGEL_ERR_NOMEM. The caller clears *out. */
int check_domain(struct observe *o, const struct check_subject *s, struct check *out);
void check_clear(struct check *c);
/* "PASS" ... */
const char *check_result_name(enum check_result r);
/* The worst of all findings. */
enum check_result check_worst(const struct check *c);
/* The rule with this id; CHECK_RULES when there is none. */
enum check_rule_id check_find_rule(const char *id);

/* For rules. `evidence` is taken over, and is empty after it; NULL: none. `args` are copied. */
void check_add(struct check *c, enum check_rule_id rule, enum check_result result, enum check_message m, struct buf *evidence,
               const char *const args[CHECK_ARGS]);
#define CHECK_WITH(...) ((const char *const[CHECK_ARGS]){__VA_ARGS__})
void check_evidence(struct buf *evidence, const struct observe_answer *a);
/* The validated answer; an empty one with an error when there is none. */
void check_ask(struct check *c, const char *name, ldns_rr_type type, struct observe_answer *out);
/* The same, shown in `evidence`. */
void check_ask_shown(struct check *c, const char *name, ldns_rr_type type, struct observe_answer *out, struct buf *evidence);
/* "LABEL.NAME"; false when that is longer than a name may be. */
enum { CHECK_NAME_MAX = 254 };
bool check_join(const char *label, const char *name, char out[CHECK_NAME_MAX]);
/* Decimal digits, for `args`. */
struct check_number {
    char text[24];
};
struct check_number check_number(long long n);

void check_dkim(struct check *c);
void check_dkim_keys(struct check *c);
void check_canary(struct check *c);
void check_spf(struct check *c);
void check_dmarc(struct check *c);
void check_dnssec(struct check *c);
void check_nosend(struct check *c);

/* By when a successor is to take over: as the life says, or CHECK_AGE_MAX_DAYS after it began to be used; 0: not known. */
enum { CHECK_AGE_MAX_DAYS = 180 };
/* When it came into use, as far as is known; 0: not known. */
int64_t check_since(const struct check_life *x);
int64_t check_due(const struct check_life *x);
/* A day as "2026-11-25", in UTC; "?" when there is none such. */
void check_day(int64_t t, char out[16]);

#endif
