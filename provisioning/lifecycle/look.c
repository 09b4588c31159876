#include "lifecycle/look.h"

#include <string.h>

#include "base/err.h"

int look_ask(struct observe *o, const char *name, struct look *l)
{
    if (l->asked)
        return ZEGEL_OK;
    int err = observe_resolve(o, name, LDNS_RR_TYPE_TXT, &l->validated);
    if (err == ZEGEL_OK)
        err = observe_servers(o, name, LDNS_RR_TYPE_TXT, &l->servers);
    l->asked = err == ZEGEL_OK;
    return err;
}

void look_clear(struct look *l)
{
    observe_answer_clear(&l->validated);
    observe_answers_clear(&l->servers);
    *l = (struct look){0};
}

static bool is(const struct observe_answer *a, const char *record)
{
    return record == NULL ? a->count == 0 : a->count == 1 && strcmp(a->records[0], record) == 0;
}

static enum life_seen judge_one(const struct observe_answer *a, const struct look_wish *w)
{
    if (a->error != NULL)
        return LIFE_UNSEEN;
    return is(a, w->wanted) ? LIFE_WANTED : is(a, w->before) ? LIFE_OLD : LIFE_FOREIGN;
}

/* The first that says otherwise is named. */
static void name(struct buf *detail, const struct observe_answer *a, const char *text)
{
    if (detail->len == 0)
        buf_addf(detail, "%s: %s: %s", a->name, a->server == NULL ? "resolver" : a->server, text);
}

static void explain(struct buf *detail, const struct observe_answer *a, enum life_seen seen)
{
    switch (seen) {
    case LIFE_UNSEEN: name(detail, a, a->error); break;
    case LIFE_FOREIGN: name(detail, a, "a record that nobody here put there"); break;
    case LIFE_OLD: name(detail, a, a->count == 0 ? "no record" : "the record from before"); break;
    default: break;
    }
}

enum life_seen look_judge(const struct look *l, const struct look_wish *w, struct buf *detail)
{
    const struct observe_answer *v = &l->validated;
    enum life_seen validated = judge_one(v, w);
    unsigned wanted = 0, old = 0, unseen = 0;
    for (unsigned i = 0; i < l->servers.count; i++) {
        const struct observe_answer *a = &l->servers.list[i];
        if (a->error == NULL && a->alias != NULL && a->count == 0)
            continue; /* it has the CNAME; who has its target is asked as well */
        enum life_seen seen = judge_one(a, w);
        explain(detail, a, seen);
        wanted += seen == LIFE_WANTED;
        old += seen == LIFE_OLD;
        unseen += seen == LIFE_UNSEEN || seen == LIFE_FOREIGN;
    }
    explain(detail, v, validated);
    if (validated != LIFE_UNSEEN && v->security != OBSERVE_SECURE && !w->insecure_allowed) {
        name(detail, v, "is not secured by DNSSEC (dnssec: optional would allow it)");
        validated = LIFE_UNSEEN;
    }
    if (validated == LIFE_FOREIGN || validated == LIFE_UNSEEN)
        return validated;
    if (unseen > 0 || wanted + old == 0)
        return LIFE_UNSEEN;
    wanted += validated == LIFE_WANTED;
    old += validated == LIFE_OLD;
    return old == 0 ? LIFE_WANTED : wanted == 0 ? LIFE_OLD : LIFE_MIXED;
}

enum life_seen look_both(enum life_seen a, enum life_seen b)
{
    static const enum life_seen order[] = {LIFE_FOREIGN, LIFE_UNSEEN, LIFE_OLD, LIFE_MIXED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return LIFE_WANTED;
}
