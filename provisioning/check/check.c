#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

const struct check_rule check_rules[] = {
    {"dkim.node", "_domainkey exists", "internet.nl", "that any key is there: a revoked one passes, too", check_dkim_node},
    {"dkim.record", "each selector has one good key of 2048 bits or more", "RFC 6376 3.6, RFC 8301 3.2",
     "that its private half is in the token", check_dkim_record},
    {"dkim.servers", "every authoritative server has the same record", "Zegel", "that caches have it", check_dkim_servers},
    {"dkim.dnssec", "the keys are DNSSEC-secure", "Forum Standaardisatie", "that receivers validate", check_dkim_dnssec},
    {"dkim.wildcard", "no key under names that nobody made", "Zegel", "that no other selector is known to others",
     check_dkim_wildcard},
    {"dnssec.domain", "the domain is DNSSEC-secure", "internet.nl", "that what it says is true", check_dnssec_domain},
    {"dnssec.mx", "the names of the mail servers are DNSSEC-secure", "internet.nl", "that mail goes there by TLS",
     check_dnssec_mx},
    {0},
};

const char *check_result_name(enum check_result r)
{
    static const char *const names[] = {"PASS", "INFO", "WARN", "FAIL"};
    return names[r];
}

void check_add(struct check *c, const struct check_rule *r, enum check_result result, struct buf *evidence, const char *fmt, ...)
{
    struct check_finding f = {.rule = r, .result = result};
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&f.text, fmt, ap) < 0)
        f.text = NULL;
    va_end(ap);
    f.evidence = evidence->failed ? NULL : strdup(buf_cstr(evidence));
    buf_free(evidence);
    struct check_finding *more = realloc(c->findings, (c->count + 1) * sizeof *more);
    if (more != NULL)
        c->findings = more;
    if (more == NULL || f.text == NULL || f.evidence == NULL) {
        free(f.text);
        free(f.evidence);
        c->failed = true;
        return;
    }
    c->findings[c->count++] = f;
}

void check_evidence(struct buf *evidence, const struct observe_answer *a)
{
    char *type = ldns_rr_type2str(a->type);
    char when[32] = "";
    struct tm tm;
    time_t t = (time_t)a->time_s;
    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_addf(evidence, "%s %s, %s: ", a->name == NULL ? "?" : a->name, type == NULL ? "?" : type,
             a->server == NULL ? "resolver" : a->server);
    LDNS_FREE(type);
    if (a->error != NULL)
        buf_addf(evidence, "%s", a->error);
    else
        buf_addf(evidence, "%s, %s, %u records, TTL %u", observe_rcode_name(a->rcode), observe_security_name(a->security),
                 a->count, a->ttl);
    buf_addf(evidence, ", %s\n", when);
    for (unsigned i = 0; i < a->count; i++)
        buf_addf(evidence, "  %s\n", a->records[i]);
}

void check_ask(struct check *c, const char *name, ldns_rr_type type, struct observe_answer *out)
{
    if (observe_resolve(c->observe, name, type, out) != ZEGEL_OK)
        c->failed = true;
}

int check_domain(struct observe *o, const struct config_domain *d, struct check *out)
{
    *out = (struct check){.observe = o, .domain = d};
    for (const struct check_rule *r = check_rules; r->id != NULL; r++)
        r->run(out, r);
    return out->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

void check_clear(struct check *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        free(c->findings[i].text);
        free(c->findings[i].evidence);
    }
    free(c->findings);
    *c = (struct check){0};
}

enum check_result check_worst(const struct check *c)
{
    enum check_result worst = CHECK_PASS;
    for (unsigned i = 0; i < c->count; i++)
        if (c->findings[i].result > worst)
            worst = c->findings[i].result;
    return worst;
}
