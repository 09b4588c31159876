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

unsigned steps_count(const struct plan *p)
{
    return FIRST + p->keys_count + LAST;
}

void steps_key_name(const struct plan_key *k, struct buf *name)
{
    buf_clear(name);
    buf_addf(name, "key %s/%s", k->domain, k->selector);
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
    unsigned behind = i - FIRST;
    buf_clear(&out->name);
    buf_clear(&out->text);
    out->key = NULL;
    if (i >= FIRST && behind < p->keys_count) {
        out->kind = STEP_KEY;
        out->key = &p->keys[behind];
        steps_key_name(out->key, &out->name);
        key_text(p, out->key, &out->text);
        return;
    }
    out->kind = i < FIRST ? first[i].kind : last[behind - p->keys_count].kind;
    buf_add_str(&out->name, i < FIRST ? first[i].name : last[behind - p->keys_count].name);
    buf_add_str(&out->text, i < FIRST ? first[i].text : last[behind - p->keys_count].text);
}

void steps_free(struct step *s)
{
    buf_free(&s->name);
    buf_free(&s->text);
}
