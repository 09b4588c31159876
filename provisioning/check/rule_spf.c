/* SPF as a receiver would walk it that no term matches: every include, redirect and look-up (RFC 7208 §4.6.4). What depends on
 * the message (macros) cannot be followed here: it is counted, and said. */
#include "check/check.h"
#include "check/spf.h"

#include <stdlib.h>

enum { LOOKUPS_MAX = 10, VOIDS_MAX = 2, MX_MAX = 10, GIVE_UP = 40 };

struct walk {
    struct check *c;
    struct buf evidence;
    unsigned lookups, voids, includes;
    bool syntax_bad, includes_bad, mx_bad;
};

/* The names on the way here, for loops. */
struct path {
    const char *name;
    const struct path *up;
};

static void walk_record(struct walk *w, const struct path *at, const char *text);

static bool on_path(const struct path *p, const char *name)
{
    for (; p != NULL; p = p->up)
        if (strcasecmp(p->name, name) == 0)
            return true;
    return false;
}

/* A name as DNS is asked for it. False when it is too long to be one. */
static bool plain_name(struct bytes spec, const char *current, char out[CHECK_NAME_MAX])
{
    int n = spec.data == NULL ? snprintf(out, CHECK_NAME_MAX, "%s", current)
                              : snprintf(out, CHECK_NAME_MAX, "%.*s", (int)spec.len, (const char *)spec.data);
    if (n > 1 && n < CHECK_NAME_MAX && out[n - 1] == '.')
        out[n - 1] = '\0';
    return n > 0 && n < CHECK_NAME_MAX;
}

/* How many SPF records there are; *record is the last of them, in `a`. */
static unsigned spf_records(const struct observe_answer *a, const char **record)
{
    unsigned n = 0;
    *record = NULL;
    for (unsigned i = 0; a->error == NULL && i < a->count; i++)
        if (spf_is_record(bytes_str(a->records[i]))) {
            *record = a->records[i];
            n++;
        }
    return n;
}

static void include_fault(struct walk *w, enum check_message m, const char *name, const char *why)
{
    struct buf evidence = BUF_INIT;
    buf_add(&evidence, buf_bytes(&w->evidence));
    w->includes_bad = true;
    check_add(w->c, RULE_SPF_INCLUDES, CHECK_FAIL, m, &evidence, CHECK_WITH(w->c->subject->domain, name, why));
}

static void follow(struct walk *w, const struct path *at, struct bytes spec)
{
    struct observe_answer a;
    const char *record;
    char name[CHECK_NAME_MAX];
    w->includes++;
    if (!plain_name(spec, at->name, name)) {
        include_fault(w, MSG_SPF_INCLUDE_ERROR, "?", "name too long");
        return;
    }
    if (on_path(at, name)) {
        include_fault(w, MSG_SPF_LOOP, name, NULL);
        return;
    }
    check_ask_shown(w->c, name, LDNS_RR_TYPE_TXT, &a, &w->evidence);
    unsigned n = spf_records(&a, &record);
    if (a.error != NULL)
        include_fault(w, MSG_SPF_INCLUDE_ERROR, name, a.error);
    else if (n != 1)
        include_fault(w, n == 0 ? MSG_SPF_INCLUDE_NONE : MSG_SPF_INCLUDE_MANY, name, NULL);
    else
        walk_record(w, &(struct path){name, at}, record);
    observe_answer_clear(&a);
}

static unsigned count_of(struct walk *w, const char *name, ldns_rr_type type)
{
    struct observe_answer a;
    check_ask_shown(w->c, name, type, &a, &w->evidence);
    unsigned n = a.error == NULL ? a.count : 1; /* a server that is down is no void look-up */
    observe_answer_clear(&a);
    return n;
}

static void look_up(struct walk *w, const struct path *at, const struct spf_term *t)
{
    char name[CHECK_NAME_MAX];
    if (!plain_name(t->domain, at->name, name))
        return;
    if (t->kind == SPF_MX) {
        unsigned n = count_of(w, name, LDNS_RR_TYPE_MX);
        if (n > MX_MAX) {
            struct buf evidence = BUF_INIT;
            buf_add(&evidence, buf_bytes(&w->evidence));
            w->mx_bad = true;
            check_add(w->c, RULE_SPF_LOOKUPS, CHECK_FAIL, MSG_SPF_MX_MANY, &evidence, CHECK_WITH(w->c->subject->domain, name));
        }
        w->voids += n == 0;
    } else if (t->kind == SPF_A) {
        w->voids += count_of(w, name, LDNS_RR_TYPE_A) == 0 && count_of(w, name, LDNS_RR_TYPE_AAAA) == 0;
    } else if (t->kind == SPF_EXISTS) {
        w->voids += count_of(w, name, LDNS_RR_TYPE_A) == 0;
    }
}

static bool asks(enum spf_kind k)
{
    return k == SPF_INCLUDE || k == SPF_A || k == SPF_MX || k == SPF_PTR || k == SPF_EXISTS || k == SPF_REDIRECT;
}

static void say_macro(struct walk *w, const struct spf_term *t)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%.*s", (int)(t->text.len < 120 ? t->text.len : 120), (const char *)t->text.data);
    check_add(w->c, RULE_SPF_LOOKUPS, CHECK_INFO, MSG_SPF_MACRO, NULL, CHECK_WITH(w->c->subject->domain, text));
}

static void walk_term(struct walk *w, const struct path *at, const struct spf_term *t)
{
    if (!asks(t->kind) || w->lookups >= GIVE_UP)
        return;
    w->lookups++;
    if (t->macro)
        say_macro(w, t);
    else if (t->kind == SPF_INCLUDE || t->kind == SPF_REDIRECT)
        follow(w, at, t->domain);
    else
        look_up(w, at, t);
}

/* all, or NULL: what stands behind it is never looked at, nor is a redirect= beside it (§5.1, §6.1). */
static const struct spf_term *find_all(const struct spf *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->terms[i].kind == SPF_ALL)
            return &s->terms[i];
    return NULL;
}

static void say_syntax(struct walk *w, const char *name, const struct spf *s, enum spf_error e)
{
    struct buf evidence = BUF_INIT;
    char term[128];
    (void)snprintf(term, sizeof term, "%.*s", (int)(s->bad.len < 120 ? s->bad.len : 120), (const char *)s->bad.data);
    buf_add(&evidence, buf_bytes(&w->evidence));
    w->syntax_bad = true;
    check_add(w->c, RULE_SPF_SYNTAX, CHECK_FAIL, MSG_SPF_SYNTAX, &evidence, CHECK_WITH(name, term, spf_strerror(e)));
}

static void walk_record(struct walk *w, const struct path *at, const char *text)
{
    struct spf *s = malloc(sizeof *s); /* records include each other: not on the stack */
    if (s == NULL) {
        w->c->failed = true;
        return;
    }
    enum spf_error e = spf_parse(bytes_str(text), s);
    if (e != SPF_OK)
        say_syntax(w, at->name, s, e);
    const struct spf_term *all = find_all(s), *redirect = NULL;
    for (unsigned i = 0; i < s->count && &s->terms[i] != all; i++)
        if (s->terms[i].kind == SPF_REDIRECT)
            redirect = &s->terms[i]; /* comes last, wherever it stands */
        else
            walk_term(w, at, &s->terms[i]);
    if (all == NULL && redirect != NULL)
        walk_term(w, at, redirect);
    free(s);
}

/* ---- what decides about mail that nothing matches ---- */

static void say_all(struct check *c, struct buf *evidence, const struct spf_term *all)
{
    char term[16];
    if (all == NULL) {
        check_add(c, RULE_SPF_ALL, CHECK_FAIL, MSG_SPF_ALL_NONE, evidence, CHECK_WITH(c->subject->domain));
        return;
    }
    bool good = all->qualifier == '-' || all->qualifier == '~';
    (void)snprintf(term, sizeof term, "%.*s", (int)all->text.len, (const char *)all->text.data);
    check_add(c, RULE_SPF_ALL, good ? CHECK_PASS : CHECK_FAIL, good ? MSG_SPF_ALL : MSG_SPF_ALL_WEAK, evidence,
              CHECK_WITH(c->subject->domain, term));
}

/* Follows redirect= as long as no all decides; as many times as a receiver would. */
static void judge_all(struct check *c, const char *text)
{
    struct spf s;
    struct buf evidence = BUF_INIT;
    char *record = strdup(text), name[CHECK_NAME_MAX];
    for (unsigned hop = 0; record != NULL && hop <= LOOKUPS_MAX; hop++) {
        struct observe_answer a;
        const char *next;
        const struct spf_term *all = NULL, *redirect = NULL;
        if (spf_parse(bytes_str(record), &s) == SPF_OK)
            all = find_all(&s);
        for (unsigned i = 0; i < s.count; i++)
            if (s.terms[i].kind == SPF_REDIRECT)
                redirect = &s.terms[i];
        if (all != NULL || redirect == NULL || redirect->macro || !plain_name(redirect->domain, "", name)) {
            say_all(c, &evidence, all);
            free(record);
            return;
        }
        check_ask_shown(c, name, LDNS_RR_TYPE_TXT, &a, &evidence);
        free(record);
        record = spf_records(&a, &next) == 1 ? strdup(next) : NULL;
        observe_answer_clear(&a);
    }
    free(record);
    say_all(c, &evidence, NULL);
}

static void judge_walk(struct walk *w, const char *record)
{
    struct check *c = w->c;
    const char *domain = c->subject->domain;
    struct buf evidence = BUF_INIT;
    walk_record(w, &(struct path){domain, NULL}, record);
    if (!w->syntax_bad)
        check_add(c, RULE_SPF_SYNTAX, CHECK_PASS, MSG_SPF_SYNTAX_OK, NULL, CHECK_WITH(domain));
    if (!w->includes_bad)
        check_add(c, RULE_SPF_INCLUDES, CHECK_PASS, MSG_SPF_INCLUDES_OK, NULL,
                  CHECK_WITH(domain, check_number(w->includes).text));
    buf_add(&evidence, buf_bytes(&w->evidence));
    enum check_message m = w->lookups > LOOKUPS_MAX ? MSG_SPF_LOOKUPS_MANY
                           : w->voids > VOIDS_MAX   ? MSG_SPF_VOIDS_MANY
                                                    : MSG_SPF_LOOKUPS;
    if (m != MSG_SPF_LOOKUPS || !w->mx_bad)
        check_add(c, RULE_SPF_LOOKUPS, m == MSG_SPF_LOOKUPS ? CHECK_PASS : CHECK_FAIL, m, &evidence,
                  CHECK_WITH(domain, check_number(w->lookups).text, check_number(w->voids).text));
    buf_free(&evidence);
}

void check_spf(struct check *c)
{
    struct walk w = {.c = c};
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    const char *record, *domain = c->subject->domain;
    check_ask_shown(c, domain, LDNS_RR_TYPE_TXT, &a, &evidence);
    buf_add(&w.evidence, buf_bytes(&evidence));
    unsigned n = spf_records(&a, &record);
    if (a.error != NULL)
        check_add(c, RULE_SPF_ONE, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(domain, a.error));
    else
        check_add(c, RULE_SPF_ONE, n == 1 ? CHECK_PASS : CHECK_FAIL,
                  n == 1   ? MSG_OK
                  : n == 0 ? MSG_NONE
                           : MSG_MANY,
                  &evidence, CHECK_WITH(domain, check_number(n).text));
    if (n == 1) {
        judge_walk(&w, record);
        judge_all(c, record);
    }
    buf_free(&w.evidence);
    observe_answer_clear(&a);
}
