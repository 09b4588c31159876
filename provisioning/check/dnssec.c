#include "check/check.h"

#include <stdlib.h>

/* Is what the resolver says of this name's SOA secure? A validated "no such record" is. */
static void judge_soa(struct check *c, const struct check_rule *r, const char *name)
{
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    check_ask(c, name, LDNS_RR_TYPE_SOA, &a);
    check_evidence(&evidence, &a);
    if (a.error != NULL)
        check_add(c, r, CHECK_FAIL, &evidence, "%s: %s", name, a.error);
    else
        check_add(c, r, a.security == OBSERVE_SECURE ? CHECK_PASS : CHECK_FAIL, &evidence, "%s: %s", name,
                  observe_security_name(a.security));
    observe_answer_clear(&a);
}

void check_dnssec_domain(struct check *c, const struct check_rule *r)
{
    judge_soa(c, r, c->domain->domain);
}

void check_dnssec_mx(struct check *c, const struct check_rule *r)
{
    struct observe_answer mx;
    struct buf evidence = BUF_INIT;
    check_ask(c, c->domain->domain, LDNS_RR_TYPE_MX, &mx);
    check_evidence(&evidence, &mx);
    if (mx.error != NULL)
        check_add(c, r, CHECK_FAIL, &evidence, "%s: %s", c->domain->domain, mx.error);
    else if (mx.count == 0)
        check_add(c, r, CHECK_INFO, &evidence, "%s has no MX", c->domain->domain);
    buf_free(&evidence);
    for (unsigned i = 0; i < mx.count; i++) {
        char *host = strchr(mx.records[i], ' ');
        size_t len = host == NULL ? 0 : strlen(++host);
        if (len > 1 && host[len - 1] == '.')
            host[len - 1] = '\0';
        if (len > 0 && strcmp(host, ".") != 0) /* RFC 7505: takes no mail */
            judge_soa(c, r, host);
    }
    observe_answer_clear(&mx);
}
