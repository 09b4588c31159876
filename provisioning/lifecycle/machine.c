#include "lifecycle/machine.h"

#include <stddef.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

const struct life_policy life_policy_default = {
    .sample_gap = 15 * MINUTE,
    .settle = 1 * HOUR,
    .visible_min = 24 * HOUR,
    .active_max = 180 * DAY,
    .unused = 1 * HOUR,
    .destroy_after = 72 * HOUR,
    .revoke_after = 14 * DAY,
};

/* Mail waits in a queue for up to five days, and a forwarder's queue may follow (RFC 5321 §4.5.4.1): eight are the least. */
const char *life_policy_problem(const struct life_policy *p)
{
    if (p->sample_gap < 15 * MINUTE)
        return "sample-gap must be at least 15m";
    if (p->settle < HOUR)
        return "settle must be at least 1h";
    if (p->visible_min < DAY)
        return "visible must be at least 24h";
    if (p->active_max < 14 * DAY || p->active_max > 366 * DAY)
        return "active must be 14d to 366d";
    if (p->unused < HOUR)
        return "unused must be at least 1h";
    if (p->destroy_after < HOUR)
        return "destroy must be at least 1h";
    if (p->revoke_after < 8 * DAY)
        return "revoke must be at least 8d: mail waits in queues up to 5 d, twice";
    return NULL;
}

/* ---- what there is ---- */

struct life_generation *life_find(struct life_domain *d, unsigned number)
{
    for (unsigned i = 0; i < d->count; i++)
        if (number != 0 && d->generations[i].number == number)
            return &d->generations[i];
    return NULL;
}

static int signing_index(const struct life_domain *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->signing != 0 && d->generations[i].number == d->signing)
            return (int)i;
    return -1;
}

static bool signs(const struct life_domain *d, const struct life_generation *g)
{
    return d->signing == g->number;
}

static unsigned count_between(const struct life_domain *d, enum life_state from, enum life_state to)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->count; i++)
        n += d->generations[i].state >= from && d->generations[i].state <= to;
    return n;
}

/* So many that do not sign yet: one stands by, and in the beginning one more is to sign. */
static unsigned needed(const struct life_domain *d)
{
    return d->signing == 0 ? 2 : 1;
}

/* The one that signs is where receivers find it. Nothing is taken away while that is not so. */
static bool signing_is_seen(const struct life_domain *d, const struct life_world *w)
{
    int i = signing_index(d);
    return i >= 0 && w->views[i].seen == LIFE_WANTED && w->taken_s != 0;
}

enum life_record life_wanted(const struct life_domain *d, const struct life_generation *g)
{
    if (g->state == LIFE_COMPROMISED)
        return signs(d, g) ? LIFE_RECORD_KEY : LIFE_RECORD_EMPTY;
    if (g->state >= LIFE_PUBLISHING && g->state <= LIFE_RETIRED)
        return LIFE_RECORD_KEY;
    return g->state == LIFE_REVOKED ? LIFE_RECORD_EMPTY : LIFE_RECORD_NONE;
}

enum life_record life_before(const struct life_domain *d, const struct life_generation *g)
{
    switch (g->state) {
    case LIFE_REVOKED:
    case LIFE_ABORTED: return LIFE_RECORD_KEY;
    case LIFE_COMPROMISED: return signs(d, g) ? LIFE_RECORD_NONE : LIFE_RECORD_KEY;
    case LIFE_TOMBSTONE: return LIFE_RECORD_EMPTY;
    default: return LIFE_RECORD_NONE;
    }
}

/* ---- the rules, one for each state ---- */

static struct life_todo act(enum life_act a, unsigned index)
{
    return (struct life_todo){.act = a, .index = index};
}

static struct life_todo wait_for(enum life_why why, int64_t until_s, unsigned index)
{
    return (struct life_todo){.act = LIFE_WAIT, .index = index, .why = why, .until_s = until_s};
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When the last cache has forgotten that it was not there. */
static int64_t settled_s(const struct life_policy *p, const struct life_generation *g)
{
    return g->seen_s + later(later(g->ttl, g->negative_ttl) + p->settle, p->visible_min);
}

/* The one that signs cannot go on: its successor need not have stood by for long. */
static bool is_urgent(const struct life_domain *d, const struct life_world *w)
{
    int i = signing_index(d);
    return i >= 0 && (d->generations[i].state == LIFE_COMPROMISED || w->views[i].token == LIFE_TOKEN_MISSING);
}

static bool can_sign(const struct life_domain *d, const struct life_world *w, unsigned i)
{
    enum life_state s = d->generations[i].state;
    return (s == LIFE_STANDBY || (s == LIFE_VISIBLE && is_urgent(d, w))) && w->views[i].seen == LIFE_WANTED &&
           w->views[i].token == LIFE_TOKEN_HAS;
}

/* Of several, the one that stood by first; one that stood by before one that is only visible. */
static bool is_next(const struct life_domain *d, const struct life_world *w, unsigned index)
{
    if (!can_sign(d, w, index))
        return false;
    for (unsigned i = 0; i < d->count; i++) {
        enum life_state mine = d->generations[index].state, other = d->generations[i].state;
        if (can_sign(d, w, i) && (other > mine || (i < index && other == mine)))
            return false;
    }
    return true;
}

static struct life_todo rule_prepared(const struct life_policy *p, const struct life_domain *d, const struct life_view *v,
                                      unsigned i)
{
    const struct life_generation *g = &d->generations[i];
    if (g->state == LIFE_PLANNED)
        return v->token == LIFE_TOKEN_UNKNOWN ? wait_for(LIFE_WHY_TOKEN, 0, i) : act(LIFE_GENERATE, i);
    if (v->token == LIFE_TOKEN_MISSING)
        return act(LIFE_ABORT, i);
    if (g->state == LIFE_GENERATED)
        return p->backup_required ? wait_for(LIFE_WHY_BACKUP, 0, i) : act(LIFE_ACCEPT, i);
    if (count_between(d, LIFE_PUBLISHING, LIFE_STANDBY) >= needed(d))
        return wait_for(LIFE_WHY_TURN, 0, i);
    return v->token == LIFE_TOKEN_HAS ? act(LIFE_PUBLISH, i) : wait_for(LIFE_WHY_TOKEN, 0, i);
}

/* Somebody else was there. */
static bool is_tampered(const struct life_domain *d, const struct life_generation *g, enum life_seen seen)
{
    bool protects = (g->state >= LIFE_VISIBLE && g->state <= LIFE_RETIRED) || (g->state == LIFE_COMPROMISED && signs(d, g));
    return seen == LIFE_FOREIGN || (protects && seen == LIFE_OLD);
}

static struct life_todo rule_publishing(const struct life_policy *p, const struct life_generation *g, const struct life_world *w,
                                        unsigned i)
{
    const struct life_view *v = &w->views[i];
    if (v->seen == LIFE_UNSEEN)
        return wait_for(LIFE_WHY_SERVERS, 0, i);
    if (v->seen != LIFE_WANTED && g->seen_s != 0)
        return act(LIFE_LOSE, i);
    if (v->seen == LIFE_OLD && !v->sent)
        return act(LIFE_SEND, i);
    if (v->seen != LIFE_WANTED)
        return wait_for(LIFE_WHY_SERVERS, 0, i);
    if (g->seen_s == 0)
        return act(LIFE_SAMPLE, i);
    return w->now_s - g->seen_s >= p->sample_gap ? act(LIFE_SHOW, i) : wait_for(LIFE_WHY_SAMPLE, g->seen_s + p->sample_gap, i);
}

static struct life_todo rule_visible(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                                     unsigned i)
{
    const struct life_generation *g = &d->generations[i];
    if (is_urgent(d, w) && is_next(d, w, i))
        return act(LIFE_ACTIVATE, i);
    if (w->views[i].seen == LIFE_WANTED && w->now_s >= settled_s(p, g))
        return act(LIFE_READY, i);
    return wait_for(w->now_s >= settled_s(p, g) ? LIFE_WHY_SERVERS : LIFE_WHY_SETTLE, settled_s(p, g), i);
}

static struct life_todo rule_standby(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                                     unsigned i)
{
    int s = signing_index(d);
    if (s >= 0 && !is_urgent(d, w)) {
        int64_t due = d->generations[s].activated_s + p->active_max;
        if (w->now_s < due)
            return wait_for(LIFE_WHY_TURN, due, i);
        if (w->taken_s == 0)
            return wait_for(LIFE_WHY_NODES, 0, i);
    }
    if (is_next(d, w, i))
        return act(LIFE_ACTIVATE, i);
    return wait_for(w->views[i].seen != LIFE_WANTED       ? LIFE_WHY_SERVERS
                    : w->views[i].token != LIFE_TOKEN_HAS ? LIFE_WHY_TOKEN
                                                          : LIFE_WHY_TURN,
                    0, i);
}

static struct life_todo rule_active(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                                    unsigned i)
{
    const struct life_generation *g = &d->generations[i];
    if (signs(d, g))
        return wait_for(is_urgent(d, w) || w->now_s >= g->activated_s + p->active_max ? LIFE_WHY_SUCCESSOR : LIFE_WHY_TURN,
                        g->activated_s + p->active_max, i);
    if (!signing_is_seen(d, w))
        return wait_for(w->taken_s == 0 ? LIFE_WHY_NODES : LIFE_WHY_SERVERS, 0, i);
    int64_t due = later(w->taken_s, w->views[i].signed_s) + p->unused;
    return w->now_s >= due ? act(LIFE_RETIRE, i) : wait_for(LIFE_WHY_UNUSED, due, i);
}

/* The private keys of what signs no more. */
static struct life_todo rule_private(const struct life_policy *p, const struct life_generation *g, const struct life_world *w,
                                     unsigned i)
{
    bool at_once = g->state == LIFE_ABORTED || g->state == LIFE_COMPROMISED;
    if (g->private_key == LIFE_DESTROYED || g->private_key == LIFE_ABSENT)
        return wait_for(LIFE_WHY_NOTHING, 0, i);
    if (!at_once && w->now_s < g->retired_s + p->destroy_after)
        return wait_for(LIFE_WHY_DESTROY, g->retired_s + p->destroy_after, i);
    if (!at_once && p->approve_destruction && !g->approved)
        return wait_for(LIFE_WHY_APPROVAL, 0, i);
    return w->views[i].token == LIFE_TOKEN_UNKNOWN ? wait_for(LIFE_WHY_TOKEN, 0, i) : act(LIFE_DESTROY, i);
}

static struct life_todo rule_retired(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                                     unsigned i)
{
    int64_t due = d->generations[i].retired_s + p->revoke_after;
    if (w->now_s < due)
        return wait_for(LIFE_WHY_REVOKE, due, i);
    return signing_is_seen(d, w) ? act(LIFE_REVOKE, i) : wait_for(LIFE_WHY_SUCCESSOR, 0, i);
}

/* A change is under way that takes something away: revoked, compromised, tombstone, aborted. */
static struct life_todo rule_leaving(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                                     unsigned i)
{
    const struct life_generation *g = &d->generations[i];
    const struct life_view *v = &w->views[i];
    int s = signing_index(d);
    if (v->seen == LIFE_OLD && !v->sent)
        return act(LIFE_SEND, i);
    if (v->seen != LIFE_WANTED)
        return wait_for(LIFE_WHY_SERVERS, 0, i);
    if (g->state == LIFE_TOMBSTONE || g->state == LIFE_ABORTED)
        return g->private_key == LIFE_LIVE || g->private_key == LIFE_DISABLED ? wait_for(LIFE_WHY_NOTHING, 0, i)
                                                                              : act(LIFE_CLOSE, i);
    if (d->activations > g->revoked_at && signing_is_seen(d, w))
        return act(LIFE_REMOVE, i);
    return wait_for(LIFE_WHY_ROTATION, s < 0 ? 0 : d->generations[s].activated_s + p->active_max, i);
}

static struct life_todo rule_compromised(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                                         unsigned i)
{
    if (signs(d, &d->generations[i]))
        return wait_for(LIFE_WHY_SUCCESSOR, 0, i);
    if (w->taken_s == 0)
        return wait_for(LIFE_WHY_NODES, 0, i);
    return rule_leaving(p, d, w, i);
}

/* Both axes: whichever is due; of two that wait, the one that is over first. */
static struct life_todo sooner(struct life_todo a, struct life_todo b)
{
    if (a.act != LIFE_WAIT || b.act != LIFE_WAIT)
        return a.act != LIFE_WAIT ? a : b;
    if (a.why == LIFE_WHY_NOTHING || b.why == LIFE_WHY_NOTHING)
        return a.why == LIFE_WHY_NOTHING ? b : a;
    return a.until_s != 0 && (b.until_s == 0 || a.until_s < b.until_s) ? a : b;
}

static struct life_todo rule(const struct life_policy *p, const struct life_domain *d, const struct life_world *w, unsigned i)
{
    const struct life_generation *g = &d->generations[i];
    switch (g->state) {
    case LIFE_PLANNED:
    case LIFE_GENERATED:
    case LIFE_BACKED_UP:
    case LIFE_NO_BACKUP: return rule_prepared(p, d, &w->views[i], i);
    case LIFE_PUBLISHING: return rule_publishing(p, g, w, i);
    case LIFE_VISIBLE: return rule_visible(p, d, w, i);
    case LIFE_STANDBY: return rule_standby(p, d, w, i);
    case LIFE_ACTIVE: return rule_active(p, d, w, i);
    case LIFE_RETIRED: return sooner(rule_private(p, g, w, i), rule_retired(p, d, w, i));
    case LIFE_COMPROMISED:
        if (signs(d, g) || w->taken_s == 0)
            return rule_compromised(p, d, w, i);
        return sooner(rule_leaving(p, d, w, i), rule_private(p, g, w, i));
    default: return sooner(rule_private(p, g, w, i), rule_leaving(p, d, w, i));
    }
}

struct life_todo life_next_of(const struct life_policy *p, const struct life_domain *d, const struct life_world *w, unsigned i)
{
    const struct life_generation *g = &d->generations[i];
    if (g->closed)
        return wait_for(LIFE_WHY_NOTHING, 0, i);
    /* What people said of a compromised key holds though all else stands still. */
    bool stands = d->suspended || d->frozen;
    if (stands && g->state != LIFE_COMPROMISED && !(is_urgent(d, w) && is_next(d, w, i)))
        return wait_for(d->frozen ? LIFE_WHY_FROZEN : LIFE_WHY_SUSPENDED, 0, i);
    if (!stands && is_tampered(d, g, w->views[i].seen))
        return act(LIFE_FREEZE, i);
    bool unsigned_yet = g->state >= LIFE_PUBLISHING && g->state <= LIFE_STANDBY;
    if (!stands && unsigned_yet && w->views[i].token == LIFE_TOKEN_MISSING)
        return act(LIFE_ABORT, i);
    return rule(p, d, w, i);
}

struct life_todo life_next(const struct life_policy *p, const struct life_domain *d, const struct life_world *w)
{
    struct life_todo least = wait_for(LIFE_WHY_NOTHING, 0, 0);
    for (unsigned i = 0; i < d->count; i++) {
        struct life_todo t = life_next_of(p, d, w, i);
        if (t.act == LIFE_FREEZE)
            return t;
        least = sooner(least, t);
    }
    if (least.act == LIFE_WAIT && !d->suspended && !d->frozen && count_between(d, LIFE_PLANNED, LIFE_STANDBY) < needed(d))
        return p->by_ceremony ? sooner(wait_for(LIFE_WHY_CEREMONY, 0, 0), least) : act(LIFE_PLAN, 0);
    return least;
}

/* ---- and what follows ---- */

static void enter(struct life_generation *g, enum life_state s, int64_t now_s)
{
    g->state = s;
    g->since_s = now_s;
}

/* Those of which nothing is left make room. */
static void forget_closed(struct life_domain *d)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < d->count; i++)
        if (!d->generations[i].closed)
            d->generations[kept++] = d->generations[i];
    d->count = kept;
}

static bool plan(struct life_domain *d, int64_t now_s)
{
    forget_closed(d);
    if (d->count == LIFE_GENERATIONS_MAX)
        return false;
    d->generations[d->count++] = (struct life_generation){.number = ++d->last_number, .state = LIFE_PLANNED, .since_s = now_s};
    return true;
}

static void sample(struct life_generation *g, const struct life_view *v, int64_t now_s)
{
    if (g->seen_s == 0)
        g->seen_s = now_s;
    if (v->ttl > g->ttl)
        g->ttl = v->ttl;
    if (v->negative_ttl > g->negative_ttl)
        g->negative_ttl = v->negative_ttl;
}

static void activate(struct life_domain *d, struct life_generation *g, int64_t now_s)
{
    d->signing = g->number;
    d->activations++;
    g->activated_s = now_s;
    enter(g, LIFE_ACTIVE, now_s);
}

static void abort_one(struct life_generation *g, int64_t now_s)
{
    if (g->state == LIFE_PLANNED)
        g->private_key = LIFE_LIVE; /* some of its keys may be there */
    enter(g, LIFE_ABORTED, now_s);
}

bool life_apply(struct life_domain *d, const struct life_world *w, const struct life_todo *todo)
{
    struct life_generation *g = &d->generations[todo->index];
    int64_t now = w->now_s;
    switch (todo->act) {
    case LIFE_PLAN: return plan(d, now);
    case LIFE_GENERATE:
        g->private_key = LIFE_LIVE;
        enter(g, LIFE_GENERATED, now);
        break;
    case LIFE_ACCEPT: enter(g, LIFE_NO_BACKUP, now); break;
    case LIFE_PUBLISH: enter(g, LIFE_PUBLISHING, now); break;
    case LIFE_SAMPLE: sample(g, &w->views[todo->index], now); break;
    case LIFE_LOSE: g->seen_s = 0; break;
    case LIFE_SHOW:
        sample(g, &w->views[todo->index], now);
        enter(g, LIFE_VISIBLE, now);
        break;
    case LIFE_READY: enter(g, LIFE_STANDBY, now); break;
    case LIFE_ACTIVATE: activate(d, g, now); break;
    case LIFE_RETIRE:
        g->private_key = LIFE_DISABLED;
        g->retired_s = now;
        enter(g, LIFE_RETIRED, now);
        break;
    case LIFE_DESTROY: g->private_key = LIFE_DESTROYED; break;
    case LIFE_REVOKE:
        g->revoked_at = d->activations;
        enter(g, LIFE_REVOKED, now);
        break;
    case LIFE_REMOVE: enter(g, LIFE_TOMBSTONE, now); break;
    case LIFE_ABORT: abort_one(g, now); break;
    case LIFE_CLOSE: g->closed = true; break;
    case LIFE_FREEZE: d->frozen = true; break;
    case LIFE_SEND:
    case LIFE_WAIT: break;
    }
    return true;
}

/* One that signs already is retired by its successor; before that there is nothing to be compromised but to be given up. */
bool life_compromise(struct life_domain *d, unsigned index, int64_t now_s)
{
    struct life_generation *g = &d->generations[index];
    if (g->state < LIFE_ACTIVE)
        return life_abort(d, index, now_s);
    if (g->state > LIFE_REVOKED)
        return false;
    g->revoked_at = signs(d, g) ? d->activations + 1 : d->activations;
    enter(g, LIFE_COMPROMISED, now_s);
    return true;
}

bool life_abort(struct life_domain *d, unsigned index, int64_t now_s)
{
    struct life_generation *g = &d->generations[index];
    if (g->state >= LIFE_ACTIVE)
        return false;
    abort_one(g, now_s);
    return true;
}
