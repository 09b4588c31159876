#include "check/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

void check_day(int64_t t, char out[16])
{
    struct tm tm;
    time_t when = (time_t)t;
    if (gmtime_r(&when, &tm) == NULL || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        (void)snprintf(out, 16, "?");
}

int64_t check_since(const struct check_life *x)
{
    return x->first_signed_s != 0 ? x->first_signed_s : x->seen_s != 0 ? x->seen_s : x->made_s;
}

int64_t check_due(const struct check_life *x)
{
    int64_t since = check_since(x);
    return x->due_s != 0 || since == 0 ? x->due_s : since + CHECK_AGE_MAX_DAYS * (int64_t)86400;
}

/* Octets of one record, and records of one answer, that are shown: the rest is counted. */
enum { SHOWN_OCTETS = 600, SHOWN_RECORDS = 12 };

const struct check_rule check_rules[CHECK_RULES] = {
    [RULE_DKIM_NODE] = {"dkim.node", "internet.nl"},
    [RULE_DKIM_RECORD] = {"dkim.record", "RFC 6376 §3.6"},
    [RULE_DKIM_STRENGTH] = {"dkim.strength", "RFC 8301 §3, internet.nl"},
    [RULE_DKIM_TESTING] = {"dkim.testing", "RFC 6376 §3.6.1"},
    [RULE_DKIM_TOKEN] = {"dkim.token", "Zegel"},
    [RULE_DKIM_SERVERS] = {"dkim.servers", "Zegel"},
    [RULE_DKIM_DNSSEC] = {"dkim.dnssec", "Forum Standaardisatie (DKIM, DNSSEC)"},
    [RULE_DKIM_AGE] = {"dkim.age", "internet.nl, M3AAWG"},
    [RULE_DKIM_WILDCARD] = {"dkim.wildcard", "RFC 6376 §6.1.2, Zegel"},
    [RULE_DKIM_UNKNOWN] = {"dkim.unknown", "Zegel"},
    [RULE_CANARY] = {"canary", "RFC 6376 §6.1, RFC 9989 §4.4"},
    [RULE_SPF_ONE] = {"spf.one", "RFC 7208 §3.2, §4.5"},
    [RULE_SPF_SYNTAX] = {"spf.syntax", "RFC 7208 §4.6.1, §12"},
    [RULE_SPF_INCLUDES] = {"spf.includes", "RFC 7208 §5.2, §6.1, internet.nl"},
    [RULE_SPF_LOOKUPS] = {"spf.lookups", "RFC 7208 §4.6.4, internet.nl"},
    [RULE_SPF_ALL] = {"spf.all", "Forum Standaardisatie (SPF), internet.nl"},
    [RULE_DMARC_ONE] = {"dmarc.one", "RFC 9989 §4.10, internet.nl"},
    [RULE_DMARC_SYNTAX] = {"dmarc.syntax", "RFC 9989 §4.7, internet.nl"},
    [RULE_DMARC_POLICY] = {"dmarc.policy", "Forum Standaardisatie (DMARC), internet.nl"},
    [RULE_DMARC_SUBDOMAINS] = {"dmarc.subdomains", "RFC 9989 §4.7, internet.nl"},
    [RULE_DMARC_REPORTS] = {"dmarc.reports", "RFC 9990 §4, internet.nl"},
    [RULE_DNSSEC_DOMAIN] = {"dnssec.domain", "Forum Standaardisatie (DNSSEC), internet.nl"},
    [RULE_DNSSEC_MX] = {"dnssec.mx", "Forum Standaardisatie (DNSSEC), internet.nl"},
    [RULE_NOSEND_MX] = {"nosend.mx", "RFC 7505 §3, internet.nl"},
    [RULE_NOSEND_SPF] = {"nosend.spf", "internet.nl"},
    [RULE_NOSEND_DMARC] = {"nosend.dmarc", "internet.nl"},
    [RULE_NOSEND_DKIM] = {"nosend.dkim", "internet.nl"},
    [RULE_EXPLAIN] = {"explain", "Forum Standaardisatie (pas toe of leg uit)"},
};

static const struct {
    bool sending, not_sending; /* for which domains */
    void (*run)(struct check *c);
} themes[] = {
    {true, false, check_dkim}, {true, false, check_dkim_keys}, {true, false, check_canary}, {true, false, check_spf},
    {true, true, check_dmarc}, {true, true, check_dnssec},     {false, true, check_nosend},
};

const char *check_result_name(enum check_result r)
{
    static const char *const names[] = {"PASS", "INFO", "WARN", "EXPLAINED", "FAIL"};
    return names[r];
}

enum check_rule_id check_find_rule(const char *id)
{
    enum check_rule_id r = 0;
    while (r < CHECK_RULES && strcmp(check_rules[r].id, id) != 0)
        r++;
    return r;
}

static void clear_finding(struct check_finding *f)
{
    for (unsigned i = 0; i < CHECK_ARGS; i++)
        free(f->args[i]);
    free(f->evidence);
    free(f->explained);
}

void check_add(struct check *c, enum check_rule_id rule, enum check_result result, enum check_message m, struct buf *evidence,
               const char *const args[CHECK_ARGS])
{
    struct check_finding f = {.rule = rule, .result = result, .message = m};
    bool good = evidence == NULL || !evidence->failed;
    for (unsigned i = 0; i < CHECK_ARGS; i++)
        good = (args[i] == NULL || (f.args[i] = strdup(args[i])) != NULL) && good;
    f.evidence = strdup(evidence == NULL ? "" : buf_cstr(evidence));
    if (evidence != NULL)
        buf_free(evidence);
    struct check_finding *more = realloc(c->findings, (c->count + 1) * sizeof *more);
    if (more != NULL)
        c->findings = more;
    if (more == NULL || !good || f.evidence == NULL) {
        clear_finding(&f);
        c->failed = true;
        return;
    }
    c->findings[c->count++] = f;
}

static void show_record(struct buf *evidence, const char *record)
{
    size_t len = strlen(record);
    if (len <= SHOWN_OCTETS)
        buf_addf(evidence, "  %s\n", record);
    else
        buf_addf(evidence, "  %.*s... (%zu octets)\n", SHOWN_OCTETS, record, len);
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
    if (a->alias != NULL)
        buf_addf(evidence, ", CNAME %s", a->alias);
    buf_addf(evidence, ", %s\n", when);
    for (unsigned i = 0; i < a->count && i < SHOWN_RECORDS; i++)
        show_record(evidence, a->records[i]);
}

void check_ask(struct check *c, const char *name, ldns_rr_type type, struct observe_answer *out)
{
    if (++c->asks > CHECK_ASKS_MAX || clock_left_ms(c->until_ms) == 0) {
        *out = (struct observe_answer){.name = strdup(name), .type = type, .time_s = clock_wall_s()};
        out->error = strdup(c->asks > CHECK_ASKS_MAX ? "too many look-ups for one domain" : "no time left for this domain");
        c->failed = c->failed || out->name == NULL || out->error == NULL;
        return;
    }
    if (observe_resolve(c->observe, name, type, out) != ZEGEL_OK)
        c->failed = true;
}

void check_ask_shown(struct check *c, const char *name, ldns_rr_type type, struct observe_answer *out, struct buf *evidence)
{
    check_ask(c, name, type, out);
    check_evidence(evidence, out);
}

bool check_join(const char *label, const char *name, char out[CHECK_NAME_MAX])
{
    int n = snprintf(out, CHECK_NAME_MAX, "%s.%s", label, name);
    return n > 0 && n < CHECK_NAME_MAX;
}

struct check_number check_number(long long n)
{
    struct check_number out;
    (void)snprintf(out.text, sizeof out.text, "%lld", n);
    return out;
}

int check_domain(struct observe *o, const struct check_subject *s, struct check *out)
{
    *out = (struct check){.observe = o, .subject = s, .time_s = clock_wall_s(), .until_ms = clock_monotonic_ms() + CHECK_TIME_MS};
    observe_until(o, out->until_ms);
    for (size_t i = 0; i < sizeof themes / sizeof themes[0]; i++)
        if (s->sends ? themes[i].sending : themes[i].not_sending)
            themes[i].run(out);
    return out->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

void check_clear(struct check *c)
{
    for (unsigned i = 0; i < c->count; i++)
        clear_finding(&c->findings[i]);
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
