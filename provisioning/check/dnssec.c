#include "check/check.h"

/* More than any domain has; the rest is not asked for. */
enum { MX_MAX = 32 };

/* Is what the resolver says of this name's SOA secure? A validated "no such record" is. */
static void judge_soa(struct check *c, enum check_rule_id rule, const char *name)
{
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    check_ask_shown(c, name, LDNS_RR_TYPE_SOA, &a, &evidence);
    if (a.error != NULL)
        check_add(c, rule, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(name, a.error));
    else if (a.security == OBSERVE_SECURE)
        check_add(c, rule, CHECK_PASS, MSG_SECURE, &evidence, CHECK_WITH(name));
    else
        check_add(c, rule, CHECK_FAIL, MSG_INSECURE, &evidence, CHECK_WITH(name));
    observe_answer_clear(&a);
}

static void judge_mx(struct check *c)
{
    struct observe_answer mx;
    struct buf evidence = BUF_INIT;
    const char *domain = c->subject->domain;
    check_ask_shown(c, domain, LDNS_RR_TYPE_MX, &mx, &evidence);
    if (mx.error != NULL)
        check_add(c, RULE_DNSSEC_MX, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(domain, mx.error));
    else if (mx.count == 0)
        check_add(c, RULE_DNSSEC_MX, CHECK_INFO, MSG_MX_NONE, &evidence, CHECK_WITH(domain));
    buf_free(&evidence);
    for (unsigned i = 0; i < mx.count && i < MX_MAX; i++) {
        char *host = strchr(mx.records[i], ' ');
        size_t len = host == NULL ? 0 : strlen(++host);
        if (len > 1 && host[len - 1] == '.')
            host[len - 1] = '\0';
        if (len > 0 && strcmp(host, ".") != 0) /* RFC 7505: takes no mail */
            judge_soa(c, RULE_DNSSEC_MX, host);
    }
    observe_answer_clear(&mx);
}

void check_dnssec(struct check *c)
{
    judge_soa(c, RULE_DNSSEC_DOMAIN, c->subject->domain);
    judge_mx(c);
}
