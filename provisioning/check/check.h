/* check: the rules that a domain is measured by, as one table; each judges what dns/observe.h saw, and shows what it saw. What
 * cannot be shown is no pass: a server that does not answer is a FAIL of the rule that asked it. */
#ifndef ZEGEL_CHECK_H
#define ZEGEL_CHECK_H

#include "config/config.h"
#include "dns/observe.h"

enum check_result { CHECK_PASS, CHECK_INFO, CHECK_WARN, CHECK_FAIL };

struct check_rule;

struct check_finding {
    const struct check_rule *rule;
    enum check_result result;
    char *text;     /* what was found */
    char *evidence; /* lines: name, type, server, answer, TTL, time */
};

struct check {
    struct observe *observe;
    const struct config_domain *domain;
    struct check_finding *findings;
    unsigned count;
    bool failed; /* memory was short: the findings are not all there are */
};

struct check_rule {
    const char *id, *title;
    const char *source;     /* where the demand comes from */
    const char *not_proven; /* what a pass does not show */
    void (*run)(struct check *c, const struct check_rule *r);
};

extern const struct check_rule check_rules[]; /* ends with an id of NULL */

/* Runs every rule. ZEGEL_OK or ZEGEL_ERR_NOMEM. The caller clears *out. */
int check_domain(struct observe *o, const struct config_domain *d, struct check *out);
void check_clear(struct check *c);
/* "PASS" ... */
const char *check_result_name(enum check_result r);
/* The worst of all findings. */
enum check_result check_worst(const struct check *c);

/* For rules. `evidence` is taken over, and is empty after it. */
void check_add(struct check *c, const struct check_rule *r, enum check_result result, struct buf *evidence, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void check_evidence(struct buf *evidence, const struct observe_answer *a);
/* The validated answer; an empty one with an error when memory is short. */
void check_ask(struct check *c, const char *name, ldns_rr_type type, struct observe_answer *out);

void check_dkim_node(struct check *c, const struct check_rule *r);
void check_dkim_record(struct check *c, const struct check_rule *r);
void check_dkim_servers(struct check *c, const struct check_rule *r);
void check_dkim_dnssec(struct check *c, const struct check_rule *r);
void check_dkim_wildcard(struct check *c, const struct check_rule *r);
void check_dnssec_domain(struct check *c, const struct check_rule *r);
void check_dnssec_mx(struct check *c, const struct check_rule *r);

#endif
