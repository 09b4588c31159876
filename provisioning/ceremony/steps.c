#include "ceremony/steps.h"

/* Before the keys, and behind them. */
static const struct {
    enum step_kind kind;
    const char *name, *text;
} first[] = {{STEP_CONFIRM, "confirm", "Custodians and witness: is this the plan that was approved?\nIs the clock right (UTC)?"},
             {STEP_USE_PLAN, "use plan", "Write down on the token that this plan is used: never again."},
             {STEP_BEFORE, "inventory before", "List every signing key on the token, and what each is permitted."}},
  last[] = {{STEP_AFTER, "inventory after", "List every signing key on the token again."},
            {STEP_RESPONSE, "response", "Write response.json: what was done, for those who act on it."}};
enum { FIRST = sizeof first / sizeof first[0], LAST = sizeof last / sizeof last[0] };

bool steps_have_backup(const struct plan *p)
{
    return p->backup.rule != PLAN_BACKUP_NONE && (p->action == PLAN_GENERATE || p->action == PLAN_DESTROY);
}

static unsigned steps_each(const struct plan *p)
{
    return steps_have_backup(p) ? 2 : 1;
}

unsigned steps_count(const struct plan *p)
{
    return FIRST + p->keys_count * steps_each(p) + LAST;
}

void steps_key_name(const struct plan_key *k, struct buf *name)
{
    buf_clear(name);
    buf_addf(name, "key %s/%s", k->domain, k->selector);
}

void steps_backup_name(const struct plan_key *k, struct buf *name)
{
    buf_clear(name);
    buf_addf(name, "backup %s/%s", k->domain, k->selector);
}

static void backup_text(const struct plan *p, struct buf *text)
{
    if (p->action == PLAN_DESTROY)
        buf_addf(text, "Destroy what the backup token %s holds of this key, for ever.", p->backup.token->label);
    else
        buf_addf(text, "Restore this key on the backup token %s, encrypted on the way%s%s;\nhave it sign there; then %s.",
                 p->backup.token->label, p->backup.dkek == NULL ? "" : "\nunder the DKEK ",
                 p->backup.dkek == NULL ? "" : p->backup.dkek,
                 p->backup.restored == PLAN_RESTORED_KEEP ? "leave it there" : "remove it there again");
}

static void key_text(const struct plan *p, const struct plan_key *k, struct buf *text)
{
    switch (p->action) {
    case PLAN_GENERATE:
        buf_addf(text, "Generate this %s key on the token; read back its attributes;\nhave it prove that it is there.",
                 plan_algorithm_name(k->algorithm));
        break;
    case PLAN_ACTIVATE:
        buf_add_str(text, "Have this key prove that it is there; write down on the token\nthat it may sign mail from now on.");
        break;
    case PLAN_RETIRE:
        buf_add_str(text, "Have this key prove that it is there; write down on the token\nthat it signs no more mail.");
        break;
    case PLAN_DESTROY: buf_add_str(text, "Destroy this key on the token, for ever, and look that it is gone."); break;
    }
}

void steps_get(const struct plan *p, unsigned i, struct step *out)
{
    const unsigned keys = p->keys_count * steps_each(p), behind = i - FIRST;
    buf_clear(&out->name);
    buf_clear(&out->text);
    out->key = NULL;
    if (i < FIRST || behind >= keys) {
        out->kind = i < FIRST ? first[i].kind : last[behind - keys].kind;
        buf_add_str(&out->name, i < FIRST ? first[i].name : last[behind - keys].name);
        buf_add_str(&out->text, i < FIRST ? first[i].text : last[behind - keys].text);
        return;
    }
    out->key = &p->keys[behind / steps_each(p)];
    out->kind = behind % steps_each(p) == 1 ? STEP_BACKUP : STEP_KEY;
    if (out->kind == STEP_KEY) {
        steps_key_name(out->key, &out->name);
        key_text(p, out->key, &out->text);
    } else {
        steps_backup_name(out->key, &out->name);
        backup_text(p, &out->text);
    }
}

void steps_free(struct step *s)
{
    buf_free(&s->name);
    buf_free(&s->text);
}
