/* Was mail signed with a key outside the time that the ceremony gave it? Going by the audit log of zegeld, which was found whole.
 */
#include "base/err.h"
#include "ceremony/journal.h"
#include "ceremony/standing.h"
#include "ceremony/steps.h"
#include "ceremony/verify_parts.h"

/* The time that a journal line about the key's step was written; `missing` when there is none. */
static int64_t time_of(const struct verify *v, const char *event, const struct plan_key *k, int64_t missing)
{
    struct buf step = BUF_INIT;
    steps_key_name(k, &step);
    int64_t s = plan_time(verify_text(journal_find(v->entries, event, buf_cstr(&step)), "time"));
    buf_free(&step);
    return s < 0 ? missing : s;
}

static const char *wrong_time(const struct verify *v, const struct plan_key *k, int64_t first, int64_t last)
{
    enum plan_action a = v->t.plan->action;
    bool before = a == PLAN_GENERATE || a == PLAN_ACTIVATE;
    return standing_signed_wrongly(a, time_of(v, before ? "intent" : "done", k, before ? 0 : last),
                                   plan_time(v->t.plan->not_after), first, last);
}

static int check_key(struct verify *v, const struct plan_key *k, struct buf *why)
{
    char from[21], to[21];
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    const json_t *life = json_object_get(v->o->signings, buf_cstr(&label));
    int64_t count = json_integer_value(json_object_get(life, "count")),
            first = json_integer_value(json_object_get(life, "first")), last = json_integer_value(json_object_get(life, "last"));
    const char *wrong = count == 0 ? NULL : wrong_time(v, k, first, last);
    plan_time_text(first, from);
    plan_time_text(last, to);
    if (wrong != NULL)
        buf_addf(why, "%s: %s %s: %lld signatures, %s to %s", v->o->audit, buf_cstr(&label), wrong, (long long)count, from, to);
    else if (count == 0)
        buf_addf(v->report, "proved    %s: the audit log %s has no signature with it\n", buf_cstr(&label), v->o->audit);
    else
        buf_addf(v->report, "proved    %s: the audit log %s has %lld signatures with it, %s to %s: when the ceremony lets it\n",
                 buf_cstr(&label), v->o->audit, (long long)count, from, to);
    buf_free(&label);
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_REFUSED;
}

int verify_audit(struct verify *v, struct buf *why)
{
    int err = ZEGEL_OK;
    if (v->o->audit == NULL)
        buf_add_str(v->report, "unchecked when mail was signed; no --audit\n");
    for (unsigned i = 0; v->o->audit != NULL && !v->abandoned && i < v->t.plan->keys_count && err == ZEGEL_OK; i++)
        err = check_key(v, &v->t.plan->keys[i], why);
    return err;
}
