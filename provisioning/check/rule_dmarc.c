/* DMARC as a receiver finds it: at the domain, or at what the tree walk finds above it (RFC 9989 §4.10); who gets reports. */
#include "check/check.h"
#include "check/dmarc.h"

#include <stdlib.h>

enum { REPORTS_MAX = 10 };

/* Where a record stands, and what it says. */
struct place {
    const char *domain; /* into the name that the walk began with */
    char *text;
    struct dmarc record; /* views into text */
};

static void clear_place(struct place *p)
{
    free(p->text);
    *p = (struct place){0};
}

/* How many DMARC records _dmarc.DOMAIN has, the one in *out; -1: no answer, which was said. */
static int read_place(struct check *c, const char *domain, struct place *out, struct buf *evidence)
{
    char name[CHECK_NAME_MAX];
    struct observe_answer a;
    int n = 0;
    *out = (struct place){.domain = domain};
    if (!check_join("_dmarc", domain, name))
        return 0;
    check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, evidence);
    for (unsigned i = 0; a.error == NULL && i < a.count; i++)
        if (dmarc_parse(bytes_str(a.records[i]), &out->record) && n++ == 0)
            out->text = strdup(a.records[i]);
    if (a.error != NULL) {
        n = -1;
        out->text = strdup(a.error);
    }
    observe_answer_clear(&a);
    if (n == 1 && out->text != NULL)
        (void)dmarc_parse(bytes_str(out->text), &out->record);
    c->failed = c->failed || (n != 0 && out->text == NULL);
    return c->failed ? 0 : n;
}

/* The record above `domain` that applies to it (§4.10.1): that of the organisational domain, else that of the public suffix. */
static bool walk_up(struct check *c, const char *domain, struct place *out, struct buf *evidence)
{
    bool found = false;
    for (const char *at = dmarc_parent(domain); at != NULL; at = dmarc_parent(at)) {
        struct place p;
        if (read_place(c, at, &p, evidence) != 1) {
            clear_place(&p);
            continue;
        }
        bool suffix = p.record.psd == 'y', stop = p.record.psd != 'u';
        if (suffix && found && dmarc_parent(out->domain) == p.domain) {
            clear_place(&p); /* the organisational domain, one label below, has one of its own */
        } else {
            if (found)
                clear_place(out);
            *out = p;
            found = true;
        }
        if (stop)
            break;
    }
    return found;
}

/* The organisational domain of `name` (§4.10.2), as a part of it. */
static const char *organisation(struct check *c, const char *name, struct buf *evidence)
{
    const char *best = name, *below = name;
    for (const char *at = name; at != NULL; below = at, at = dmarc_parent(at)) {
        struct place p;
        int n = read_place(c, at, &p, evidence);
        char psd = n == 1 ? p.record.psd : 'u';
        clear_place(&p);
        if (n == 1 && !(psd == 'y' && at != name))
            best = at;
        else if (n == 1)
            best = below;
        if (psd != 'u')
            break;
    }
    return best;
}

/* ---- what it asks for ---- */

static enum dmarc_policy or_else(enum dmarc_policy p, enum dmarc_policy other)
{
    return p == DMARC_ABSENT ? other : p;
}

/* An sp= or np= that cannot be read turns the whole record into p=none (§4.10.1). */
static bool spoilt(const struct dmarc *d)
{
    return d->p == DMARC_BAD || d->sp == DMARC_BAD || d->np == DMARC_BAD;
}

static bool weak(enum dmarc_policy p)
{
    return p != DMARC_QUARANTINE && p != DMARC_REJECT;
}

static enum dmarc_policy wanted_policy(const struct place *p, bool own)
{
    enum dmarc_policy whole = or_else(p->record.p, DMARC_NONE);
    if (spoilt(&p->record))
        return DMARC_NONE;
    return own ? whole : or_else(p->record.sp, whole);
}

static void judge_policy(struct check *c, const struct place *p, bool own)
{
    enum dmarc_policy wanted = wanted_policy(p, own), applied = dmarc_applied(wanted, p->record.testing);
    const char *domain = c->subject->domain, *name = dmarc_policy_name(applied);
    struct buf evidence = BUF_INIT;
    buf_addf(&evidence, "_dmarc.%s: %s\n", p->domain, p->text);
    if (!c->subject->sends)
        check_add(c, RULE_NOSEND_DMARC, applied == DMARC_REJECT ? CHECK_PASS : CHECK_FAIL, MSG_NOSEND_DMARC, &evidence,
                  CHECK_WITH(domain, name));
    else if (applied != wanted)
        check_add(c, RULE_DMARC_POLICY, weak(applied) ? CHECK_FAIL : CHECK_WARN, MSG_DMARC_TESTING, &evidence,
                  CHECK_WITH(domain, name));
    else
        check_add(c, RULE_DMARC_POLICY, weak(applied) ? CHECK_FAIL : CHECK_PASS,
                  weak(applied) ? MSG_DMARC_WEAK : MSG_DMARC_POLICY, &evidence, CHECK_WITH(domain, name));
}

static void judge_subdomains(struct check *c, const struct place *p, bool own)
{
    const struct dmarc *d = &p->record;
    enum dmarc_policy sp = or_else(d->sp, or_else(d->p, DMARC_NONE)), np = or_else(d->np, sp);
    struct buf evidence = BUF_INIT;
    buf_addf(&evidence, "_dmarc.%s: %s\n", p->domain, p->text);
    if (!own) {
        check_add(c, RULE_DMARC_SUBDOMAINS, CHECK_INFO, MSG_DMARC_SUB_INHERIT, &evidence,
                  CHECK_WITH(c->subject->domain, p->domain));
        return;
    }
    sp = dmarc_applied(sp, d->testing);
    np = dmarc_applied(np, d->testing);
    bool said = d->sp != DMARC_ABSENT || d->np != DMARC_ABSENT; /* if not, it is the fault of p= */
    bool bad = weak(sp) || weak(np);
    check_add(c, RULE_DMARC_SUBDOMAINS,
              !bad   ? CHECK_PASS
              : said ? CHECK_FAIL
                     : CHECK_INFO,
              bad ? MSG_DMARC_SUB_WEAK : MSG_DMARC_SUB, &evidence,
              CHECK_WITH(c->subject->domain, dmarc_policy_name(sp), dmarc_policy_name(np)));
}

static void syntax(struct check *c, const struct place *p, enum check_result result, enum check_message m, struct bytes part)
{
    char text[128];
    struct buf evidence = BUF_INIT;
    (void)snprintf(text, sizeof text, "%.*s", (int)(part.len < 120 ? part.len : 120),
                   part.len == 0 ? "" : (const char *)part.data);
    buf_addf(&evidence, "_dmarc.%s: %s\n", p->domain, p->text);
    check_add(c, RULE_DMARC_SYNTAX, result, m, &evidence, CHECK_WITH(p->domain, text));
}

static void judge_syntax(struct check *c, const struct place *p)
{
    const struct dmarc *d = &p->record;
    if (d->bad.data != NULL)
        syntax(c, p, CHECK_FAIL, MSG_DMARC_BAD, d->bad);
    if (d->p_late)
        syntax(c, p, CHECK_WARN, MSG_DMARC_P_LATE, BYTES_LIT("p"));
    if (d->removed.data != NULL)
        syntax(c, p, CHECK_WARN, MSG_DMARC_REMOVED, d->removed);
    if (d->unknown.data != NULL)
        syntax(c, p, CHECK_WARN, MSG_DMARC_UNKNOWN, d->unknown);
    if (d->bad.data == NULL && d->removed.data == NULL && d->unknown.data == NULL && !d->p_late)
        syntax(c, p, CHECK_PASS, MSG_DMARC_SYNTAX_OK, BYTES_LIT(""));
}

/* ---- reports ---- */

/* Somebody else's mailbox: has its domain agreed to get reports about ours (RFC 9990 §4)? */
static void judge_outside(struct check *c, const char *host, const char *about, struct buf *evidence)
{
    char node[CHECK_NAME_MAX], name[CHECK_NAME_MAX];
    struct observe_answer a;
    struct dmarc d;
    unsigned agreed = 0;
    if (!check_join(about, "_report._dmarc", node) || !check_join(node, host, name)) {
        check_add(c, RULE_DMARC_REPORTS, CHECK_FAIL, MSG_REPORT_BAD, evidence, CHECK_WITH(about, host));
        return;
    }
    check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, evidence);
    for (unsigned i = 0; a.error == NULL && i < a.count; i++)
        agreed += dmarc_parse(bytes_str(a.records[i]), &d);
    check_add(c, RULE_DMARC_REPORTS, agreed > 0 ? CHECK_PASS : CHECK_FAIL, agreed > 0 ? MSG_REPORT_ALLOWED : MSG_REPORT_REFUSED,
              evidence, CHECK_WITH(about, host, name));
    observe_answer_clear(&a);
}

static void judge_report(struct check *c, struct bytes uri, const char *about, const char *ours)
{
    char host[CHECK_NAME_MAX], text[160];
    struct buf evidence = BUF_INIT;
    (void)snprintf(text, sizeof text, "%.*s", (int)(uri.len < 150 ? uri.len : 150), uri.len == 0 ? "" : (const char *)uri.data);
    if (!dmarc_mail_host(uri, host, sizeof host)) {
        check_add(c, RULE_DMARC_REPORTS, CHECK_WARN, MSG_REPORT_BAD, &evidence, CHECK_WITH(about, text));
        return;
    }
    bool same = strcmp(host, ours) == 0 || strcmp(organisation(c, host, &evidence), ours) == 0;
    if (same)
        check_add(c, RULE_DMARC_REPORTS, CHECK_PASS, MSG_REPORT_OWN, &evidence, CHECK_WITH(about, text));
    else
        judge_outside(c, host, about, &evidence);
}

static void judge_reports(struct check *c, const struct place *p)
{
    struct buf evidence = BUF_INIT;
    struct bytes lists[2] = {p->record.rua, p->record.ruf}, uri;
    unsigned n = 0;
    if (p->record.rua.data == NULL)
        check_add(c, RULE_DMARC_REPORTS, CHECK_WARN, MSG_REPORT_NONE, NULL, CHECK_WITH(p->domain));
    const char *ours = organisation(c, p->domain, &evidence);
    for (unsigned i = 0; i < 2; i++)
        while (n < REPORTS_MAX && dmarc_next_uri(&lists[i], &uri)) {
            judge_report(c, uri, p->domain, ours);
            n++;
        }
    if (n == REPORTS_MAX && (dmarc_next_uri(&lists[0], &uri) || dmarc_next_uri(&lists[1], &uri)))
        check_add(c, RULE_DMARC_REPORTS, CHECK_WARN, MSG_REPORT_TOO_MANY, NULL, CHECK_WITH(p->domain));
    buf_free(&evidence);
}

void check_dmarc(struct check *c)
{
    struct place p;
    struct buf evidence = BUF_INIT;
    const char *domain = c->subject->domain;
    int n = read_place(c, domain, &p, &evidence);
    bool own = n == 1;
    if (n == 0) {
        clear_place(&p);
        n = walk_up(c, domain, &p, &evidence) ? 1 : 0;
    }
    if (n == 1)
        check_add(c, RULE_DMARC_ONE, CHECK_PASS, MSG_DMARC_AT, &evidence, CHECK_WITH(domain, p.domain));
    else if (n < 0)
        check_add(c, RULE_DMARC_ONE, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(domain, p.text));
    else
        check_add(c, RULE_DMARC_ONE, CHECK_FAIL, n == 0 ? MSG_DMARC_NONE : MSG_DMARC_MANY, &evidence, CHECK_WITH(domain, domain));
    if (n == 1) {
        judge_syntax(c, &p);
        judge_policy(c, &p, own);
        judge_subdomains(c, &p, own);
        judge_reports(c, &p);
    } else if (!c->subject->sends) {
        check_add(c, RULE_NOSEND_DMARC, CHECK_FAIL, MSG_DMARC_NONE, NULL, CHECK_WITH(domain));
    }
    clear_place(&p);
}
