#include "lifecycle/forecast.h"

enum { TTL = 3600, ACTS_MAX = 64 };

/* A world in which everybody answers: DNS has a change one step after it was sent, the node a key one step after it became
 * active. */
struct fine {
    unsigned sent[LIFE_GENERATIONS_MAX]; /* numbers of what was sent and is not seen yet */
    unsigned sent_count;
};

static bool is_sent(const struct fine *f, unsigned number)
{
    for (unsigned i = 0; i < f->sent_count; i++)
        if (f->sent[i] == number)
            return true;
    return false;
}

/* Whoever waits for a record that differs from the one before has it sent first; all others see what they want. */
static void see(const struct life_domain *d, const struct fine *f, const bool *fresh, struct life_world *w)
{
    const struct life_generation *s = 0;
    for (unsigned i = 0; i < d->count; i++) {
        const struct life_generation *g = &d->generations[i];
        bool there = g->state == LIFE_PLANNED || g->private_key == LIFE_LIVE || g->private_key == LIFE_DISABLED;
        w->views[i] = (struct life_view){.seen = fresh[i] ? LIFE_OLD : LIFE_WANTED,
                                         .ttl = TTL,
                                         .negative_ttl = TTL,
                                         .token = there ? LIFE_TOKEN_HAS : LIFE_TOKEN_MISSING,
                                         .sent = is_sent(f, g->number)};
        if (g->number == d->signing)
            s = g;
    }
    w->taken_s = s == 0 || w->now_s <= s->activated_s ? 0 : s->activated_s;
}

static bool changes_record(enum life_act a)
{
    return a == LIFE_PUBLISH || a == LIFE_REVOKE || a == LIFE_REMOVE || a == LIFE_ABORT;
}

void forecast(const struct life_policy *p, const struct life_domain *from, int64_t now_s, int64_t until_s, int64_t step_s,
              forecast_each *each, void *arg)
{
    struct life_domain d = *from;
    struct life_world w = {.now_s = now_s};
    bool fresh[LIFE_GENERATIONS_MAX] = {false};
    for (; w.now_s <= until_s; w.now_s += step_s) {
        struct fine f = {.sent_count = 0};
        for (unsigned acts = 0; acts < ACTS_MAX; acts++) {
            see(&d, &f, fresh, &w);
            struct life_todo t = life_next(p, &d, &w);
            if (t.act == LIFE_WAIT)
                break;
            unsigned number = t.act == LIFE_PLAN ? d.last_number + 1 : d.generations[t.index].number;
            if (!life_apply(&d, &w, &t))
                return;
            if (t.act == LIFE_SEND && f.sent_count < LIFE_GENERATIONS_MAX)
                f.sent[f.sent_count++] = number;
            if (t.act == LIFE_PLAN) /* indices have changed; what was fresh is seen by now, or is sent again */
                for (unsigned i = 0; i < LIFE_GENERATIONS_MAX; i++)
                    fresh[i] = false;
            else if (changes_record(t.act))
                fresh[t.index] = true;
            each(arg, w.now_s, number, t.act);
        }
        for (unsigned i = 0; i < LIFE_GENERATIONS_MAX; i++)
            fresh[i] = false;
    }
}
