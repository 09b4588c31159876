/* A domain that sends no mail says so, in each of the records that a receiver may look at. DMARC is in rule_dmarc.c. */
#include "check/check.h"
#include "check/spf.h"
#include "dkim/taglist.h"

static void judge_mx(struct check *c)
{
    const char *domain = c->subject->domain;
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    check_ask_shown(c, domain, LDNS_RR_TYPE_MX, &a, &evidence);
    const char *host = a.count == 1 ? strchr(a.records[0], ' ') : NULL;
    bool null = host != NULL && strcmp(host, " .") == 0;
    if (a.error != NULL)
        check_add(c, RULE_NOSEND_MX, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(domain, a.error));
    else if (a.count == 0)
        check_add(c, RULE_NOSEND_MX, CHECK_FAIL, MSG_MX_NONE, &evidence, CHECK_WITH(domain));
    else if (!null)
        check_add(c, RULE_NOSEND_MX, CHECK_FAIL, MSG_MX_OTHER, &evidence, CHECK_WITH(domain, a.records[0]));
    else if (strcmp(a.records[0], "0 .") != 0)
        check_add(c, RULE_NOSEND_MX, CHECK_WARN, MSG_MX_NULL_PREFERENCE, &evidence, CHECK_WITH(domain));
    else
        check_add(c, RULE_NOSEND_MX, CHECK_PASS, MSG_MX_NULL, &evidence, CHECK_WITH(domain));
    observe_answer_clear(&a);
}

/* Nothing but -all; an exp= does no harm. */
static bool sends_nothing(const char *record)
{
    struct spf s;
    unsigned all = 0;
    if (spf_parse(bytes_str(record), &s) != SPF_OK)
        return false;
    for (unsigned i = 0; i < s.count; i++)
        if (s.terms[i].kind == SPF_ALL && s.terms[i].qualifier == '-')
            all++;
        else if (s.terms[i].kind != SPF_EXP)
            return false;
    return all == 1;
}

static void judge_spf(struct check *c)
{
    const char *domain = c->subject->domain, *record = NULL;
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    unsigned n = 0;
    check_ask_shown(c, domain, LDNS_RR_TYPE_TXT, &a, &evidence);
    for (unsigned i = 0; a.error == NULL && i < a.count; i++)
        if (spf_is_record(bytes_str(a.records[i]))) {
            record = a.records[i];
            n++;
        }
    if (a.error != NULL)
        check_add(c, RULE_NOSEND_SPF, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(domain, a.error));
    else if (n != 1)
        check_add(c, RULE_NOSEND_SPF, CHECK_FAIL, n == 0 ? MSG_NONE : MSG_MANY, &evidence,
                  CHECK_WITH(domain, check_number(n).text));
    else if (sends_nothing(record))
        check_add(c, RULE_NOSEND_SPF, CHECK_PASS, MSG_NOSEND_SPF, &evidence, CHECK_WITH(domain, record));
    else
        check_add(c, RULE_NOSEND_SPF, CHECK_FAIL, MSG_NOSEND_SPF_OTHER, &evidence, CHECK_WITH(domain, record));
    observe_answer_clear(&a);
}

/* Any selector is asked for: *._domainkey should answer that it is revoked. */
static void judge_dkim(struct check *c)
{
    char name[CHECK_NAME_MAX];
    struct observe_answer a;
    struct taglist t;
    struct buf evidence = BUF_INIT;
    if (!check_join("no-such-selector-of-zegel._domainkey", c->subject->domain, name))
        return;
    check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, &evidence);
    bool revoked = a.count == 1 && taglist_parse(bytes_str(a.records[0]), &t) && taglist_get(&t, "p").data != NULL &&
                   taglist_get(&t, "p").len == 0;
    if (a.error != NULL)
        check_add(c, RULE_NOSEND_DKIM, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(name, a.error));
    else if (a.count == 0)
        check_add(c, RULE_NOSEND_DKIM, CHECK_WARN, MSG_NOSEND_DKIM_NONE, &evidence, CHECK_WITH(name));
    else
        check_add(c, RULE_NOSEND_DKIM, revoked ? CHECK_PASS : CHECK_FAIL, revoked ? MSG_NOSEND_DKIM : MSG_NOSEND_DKIM_KEY,
                  &evidence, CHECK_WITH(name));
    observe_answer_clear(&a);
}

void check_nosend(struct check *c)
{
    judge_mx(c);
    judge_spf(c);
    judge_dkim(c);
}
