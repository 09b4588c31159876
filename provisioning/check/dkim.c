/* What _domainkey says as a whole; each key of ours is in dkim_keys.c. */
#include "check/check.h"

#include "dkim/taglist.h"

static void check_node(struct check *c)
{
    char name[CHECK_NAME_MAX];
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    if (!check_join("_domainkey", c->subject->domain, name))
        return;
    check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, &evidence);
    if (a.error != NULL)
        check_add(c, RULE_DKIM_NODE, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(name, a.error));
    else
        check_add(c, RULE_DKIM_NODE, a.rcode == LDNS_RCODE_NOERROR ? CHECK_PASS : CHECK_FAIL, MSG_RCODE, &evidence,
                  CHECK_WITH(name, observe_rcode_name(a.rcode)));
    observe_answer_clear(&a);
}

/* Is there a record for a selector that nobody made? Then what look-ups of others find means nothing. */
static bool check_wildcard(struct check *c)
{
    char name[CHECK_NAME_MAX];
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    if (!check_join("no-such-selector-of-zegel._domainkey", c->subject->domain, name))
        return false;
    check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, &evidence);
    bool there = a.error == NULL && a.count > 0;
    if (a.error != NULL)
        check_add(c, RULE_DKIM_WILDCARD, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(name, a.error));
    else
        check_add(c, RULE_DKIM_WILDCARD, there ? CHECK_FAIL : CHECK_PASS, there ? MSG_WILDCARD : MSG_WILDCARD_NONE, &evidence,
                  CHECK_WITH(name));
    observe_answer_clear(&a);
    return there;
}

static bool is_ours(const struct check *c, const char *selector)
{
    for (unsigned k = 0; k < c->subject->keys_count; k++)
        if (strcasecmp(c->subject->keys[k].key->selector, selector) == 0)
            return true;
    return false;
}

static bool has_live_key(const struct observe_answer *a)
{
    struct taglist t;
    for (unsigned i = 0; i < a->count; i++)
        if (taglist_parse(bytes_str(a->records[i]), &t) && taglist_get(&t, "p").len > 0)
            return true;
    return false;
}

/* DNS has no list of selectors: the names that providers and howtos use are tried. */
static void check_unknown(struct check *c, bool hidden)
{
    static const char *const usual[] = {"default", "dkim",   "mail",      "email",     "mx",       "smtp",     "mta",
                                        "key1",    "key2",   "s1",        "s2",        "k1",       "k2",       "k3",
                                        "pm",      "google", "selector1", "selector2", "zendesk1", "mandrill", "spop1024"};
    enum { COUNT = sizeof usual / sizeof usual[0] };
    unsigned found = 0;
    if (hidden) {
        check_add(c, RULE_DKIM_UNKNOWN, CHECK_INFO, MSG_UNKNOWN_HIDDEN, NULL, CHECK_WITH(c->subject->domain));
        return;
    }
    for (unsigned i = 0; i < COUNT; i++) {
        char node[64], name[CHECK_NAME_MAX];
        struct observe_answer a;
        struct buf evidence = BUF_INIT;
        (void)snprintf(node, sizeof node, "%s._domainkey", usual[i]);
        if (is_ours(c, usual[i]) || !check_join(node, c->subject->domain, name))
            continue;
        check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, &evidence);
        if (a.error == NULL && has_live_key(&a)) {
            check_add(c, RULE_DKIM_UNKNOWN, CHECK_WARN, MSG_UNKNOWN, &evidence, CHECK_WITH(name));
            found++;
        }
        buf_free(&evidence);
        observe_answer_clear(&a);
    }
    if (found == 0)
        check_add(c, RULE_DKIM_UNKNOWN, CHECK_PASS, MSG_UNKNOWN_NONE, NULL,
                  CHECK_WITH(c->subject->domain, check_number(COUNT).text));
}

void check_dkim(struct check *c)
{
    check_node(c);
    check_unknown(c, check_wildcard(c));
}
