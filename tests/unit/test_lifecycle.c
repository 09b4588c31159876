/* The state machine of keys against a small world: three servers that lag, two nodes that take their time, and faults. */
#include "lifecycle/forecast.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

enum { HOUR = 3600, DAY = 86400, SERVERS = 3, NODES = 2, GENERATIONS = 128, TTL = 3600, NEGATIVE_TTL = 3600 };

/* What one server says of one generation, and what it said before that: caches may have it for a TTL. */
struct served {
    enum life_record now, before;
    int64_t changed_s;
};

struct node {
    unsigned signing;
    int64_t taken_s;
};

struct world {
    struct life_domain domain;
    enum life_record primary[GENERATIONS];
    struct served served[GENERATIONS][SERVERS];
    struct node nodes[NODES];
    int64_t signed_s[GENERATIONS];
    bool on_token[GENERATIONS], frozen_servers[SERVERS], node_down[NODES];
    bool refuses, bogus, token_down; /* faults that last until they are lifted */
    int64_t now_s;
};

/* As ck_assert_msg, which writes to a pipe also when all is well: too slow for the millionth time. */
#define must(condition, ...) ((condition) ? (void)0 : ck_abort_msg(__VA_ARGS__))

static uint64_t seed;

static unsigned chance(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

static struct world *new_world(void)
{
    struct world *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    w->now_s = 1800000000;
    return w;
}

/* ---- what the engine would see and do ---- */

static enum life_seen look(const struct world *w, const struct life_generation *g)
{
    unsigned wanted = 0, old = 0;
    for (unsigned s = 0; s < SERVERS; s++) {
        enum life_record r = w->served[g->number][s].now;
        if (w->frozen_servers[s])
            return LIFE_UNSEEN;
        wanted += r == life_wanted(&w->domain, g);
        old += r == life_before(&w->domain, g);
    }
    if (w->bogus)
        return LIFE_UNSEEN;
    return wanted == SERVERS ? LIFE_WANTED : old == SERVERS ? LIFE_OLD : wanted + old == SERVERS ? LIFE_MIXED : LIFE_FOREIGN;
}

static void observe(const struct world *w, const bool *sent, struct life_world *out)
{
    out->now_s = w->now_s;
    out->taken_s = 1;
    for (unsigned n = 0; n < NODES; n++)
        if (w->domain.signing == 0 || w->nodes[n].signing != w->domain.signing)
            out->taken_s = 0;
        else if (out->taken_s != 0 && w->nodes[n].taken_s > out->taken_s)
            out->taken_s = w->nodes[n].taken_s;
    for (unsigned i = 0; i < w->domain.count; i++) {
        const struct life_generation *g = &w->domain.generations[i];
        out->views[i] = (struct life_view){.seen = look(w, g),
                                           .ttl = TTL,
                                           .negative_ttl = NEGATIVE_TTL,
                                           .token = w->token_down            ? LIFE_TOKEN_UNKNOWN
                                                    : w->on_token[g->number] ? LIFE_TOKEN_HAS
                                                                             : LIFE_TOKEN_MISSING,
                                           .signed_s = w->signed_s[g->number],
                                           .sent = sent[g->number]};
    }
}

static void change_world(struct world *w, const struct life_todo *t, bool *sent)
{
    const struct life_generation *g = &w->domain.generations[t->index];
    if (t->act == LIFE_GENERATE)
        w->on_token[g->number] = true;
    if (t->act == LIFE_DESTROY)
        w->on_token[g->number] = false;
    if (t->act == LIFE_SEND && !w->refuses)
        w->primary[g->number] = life_wanted(&w->domain, g);
    if (t->act == LIFE_SEND)
        sent[g->number] = true;
}

/* One `rotate run`. `kill_at` 0: to its end; otherwise it is killed between the world and the store, at that act. */
static unsigned run(struct world *w, const struct life_policy *p, unsigned kill_at)
{
    bool sent[GENERATIONS];
    struct life_world seen;
    unsigned acts = 0;
    memset(sent, 0, w->domain.last_number + 2);
    for (;;) {
        observe(w, sent, &seen);
        struct life_todo t = life_next(p, &w->domain, &seen);
        if (t.act == LIFE_WAIT)
            return acts;
        must(acts < 200 && w->domain.last_number < GENERATIONS - 1, "no end of acts");
        change_world(w, &t, sent);
        if (++acts == kill_at)
            return acts;
        must(life_apply(&w->domain, &seen, &t), "no room");
    }
}

static void servers_catch_up(struct world *w, unsigned lag_of_4)
{
    for (unsigned s = 0; s < SERVERS; s++) {
        if (w->frozen_servers[s] || (s > 0 && chance(4) < lag_of_4))
            continue;
        for (unsigned i = 0; i < w->domain.count; i++) {
            unsigned n = w->domain.generations[i].number;
            struct served *at = &w->served[n][s];
            if (at->now != w->primary[n])
                *at = (struct served){.now = w->primary[n], .before = at->now, .changed_s = w->now_s};
        }
    }
}

static void nodes_catch_up(struct world *w, unsigned lag_of_4)
{
    for (unsigned n = 0; n < NODES; n++) {
        struct node *at = &w->nodes[n];
        if (!w->node_down[n] && at->signing != w->domain.signing && chance(4) >= lag_of_4)
            *at = (struct node){.signing = w->domain.signing, .taken_s = w->now_s};
    }
}

/* ---- what receivers see ---- */

static bool verifies(const struct world *w, unsigned generation, bool from_caches)
{
    for (unsigned s = 0; s < SERVERS; s++) {
        const struct served *at = &w->served[generation][s];
        if (at->now != LIFE_RECORD_KEY || (from_caches && at->before != LIFE_RECORD_KEY && w->now_s - at->changed_s < TTL))
            return false;
    }
    return true;
}

/* Each node signs a message: with a key that exists, and that every receiver finds. */
static void sign_and_verify(struct world *w, bool from_caches)
{
    for (unsigned n = 0; n < NODES; n++) {
        unsigned g = w->nodes[n].signing;
        if (g == 0 || w->node_down[n])
            continue;
        must(w->on_token[g], "generation %u signs and its key is destroyed (day %lld)", g, (long long)w->now_s / DAY);
        must(verifies(w, g, from_caches), "generation %u signs and is not seen everywhere", g);
        w->signed_s[g] = w->now_s;
    }
}

/* ---- tests ---- */

START_TEST(test_defaults_are_safe)
{
    struct life_policy p = life_policy_default;
    ck_assert_ptr_null(life_policy_problem(&p));
    ck_assert_int_eq(p.sample_gap, 15 * 60);
    ck_assert_int_eq(p.settle, HOUR);
    ck_assert_int_eq(p.visible_min, 24 * HOUR);
    ck_assert_int_eq(p.active_max, 180 * DAY);
    ck_assert_int_eq(p.unused, HOUR);
    ck_assert_int_eq(p.destroy_after, 72 * HOUR);
    ck_assert_int_eq(p.revoke_after, 14 * DAY);
    p.revoke_after = 8 * DAY - 1;
    ck_assert_ptr_nonnull(life_policy_problem(&p));
}
END_TEST

/* Runs, with servers and nodes that follow at once, until generation `number` is in the state, an hour at a time. */
static struct life_generation *until(struct world *w, const struct life_policy *p, unsigned number, enum life_state s,
                                     unsigned hours)
{
    for (unsigned h = 0; h <= hours; h++, w->now_s += HOUR) {
        (void)run(w, p, 0);
        servers_catch_up(w, 0);
        nodes_catch_up(w, 0);
        sign_and_verify(w, true);
        struct life_generation *g = life_find(&w->domain, number);
        if (g != NULL && g->state == s)
            return g;
    }
    ck_abort_msg("generation %u is not %s after %u hours", number, life_state_name(s), hours);
    return NULL;
}

START_TEST(test_one_life)
{
    struct world *w = new_world();
    struct life_policy p = life_policy_default;
    int64_t begin = w->now_s;
    const struct life_generation *g = until(w, &p, 1, LIFE_ACTIVE, 48);
    ck_assert_int_ge(g->activated_s - g->seen_s, 24 * HOUR);
    ck_assert_int_ge(g->seen_s, begin);
    ck_assert_int_eq(until(w, &p, 2, LIFE_STANDBY, 2)->private_key, LIFE_LIVE);
    int64_t activated = g->activated_s;
    g = until(w, &p, 2, LIFE_ACTIVE, 181 * 24);
    ck_assert_int_eq(g->activated_s - activated, 180 * DAY);
    g = until(w, &p, 1, LIFE_RETIRED, 5);
    ck_assert_int_ge(g->retired_s - w->nodes[0].taken_s, HOUR);
    int64_t retired = g->retired_s;
    (void)until(w, &p, 3, LIFE_STANDBY, 48);
    for (; life_find(&w->domain, 1)->private_key != LIFE_DESTROYED; w->now_s += HOUR)
        (void)until(w, &p, 1, LIFE_RETIRED, 1);
    ck_assert_int_ge(w->now_s - retired, 72 * HOUR);
    g = until(w, &p, 1, LIFE_REVOKED, 15 * 24);
    ck_assert_int_ge(g->since_s - retired, 14 * DAY);
    (void)until(w, &p, 3, LIFE_ACTIVE, 181 * 24);
    (void)until(w, &p, 1, LIFE_TOMBSTONE, 48);
    ck_assert(until(w, &p, 4, LIFE_STANDBY, 48)->activated_s == 0);
    ck_assert_int_eq(w->served[1][0].now, LIFE_RECORD_NONE);
    free(w);
}
END_TEST

START_TEST(test_compromise_with_a_standby)
{
    struct world *w = new_world();
    struct life_policy p = life_policy_default;
    p.approve_destruction = true; /* is not asked for here */
    (void)until(w, &p, 1, LIFE_ACTIVE, 48);
    (void)until(w, &p, 2, LIFE_STANDBY, 48);
    ck_assert(life_compromise(&w->domain, 0, w->now_s));
    (void)run(w, &p, 0); /* one run: the standby signs */
    ck_assert_uint_eq(w->domain.signing, 2);
    ck_assert_int_eq(w->primary[1], LIFE_RECORD_KEY); /* some node may sign with it still */
    nodes_catch_up(w, 0);
    (void)run(w, &p, 0);
    ck_assert_int_eq(w->primary[1], LIFE_RECORD_EMPTY);
    ck_assert(!w->on_token[1]);
    (void)until(w, &p, 3, LIFE_STANDBY, 48);
    free(w);
}
END_TEST

START_TEST(test_compromise_without_a_standby)
{
    struct world *w = new_world();
    struct life_policy p = life_policy_default;
    (void)until(w, &p, 2, LIFE_STANDBY, 72);
    ck_assert(life_compromise(&w->domain, 1, w->now_s)); /* the standby: given up */
    ck_assert(life_compromise(&w->domain, 0, w->now_s));
    int64_t begin = w->now_s;
    (void)until(w, &p, 3, LIFE_ACTIVE, 48); /* signing goes on until there is one; which need not settle */
    ck_assert_int_le(w->now_s - begin, 3 * HOUR);
    (void)until(w, &p, 1, LIFE_COMPROMISED, 1);
    (void)until(w, &p, 1, LIFE_COMPROMISED, 1);
    (void)run(w, &p, 0);
    ck_assert_int_eq(w->primary[1], LIFE_RECORD_EMPTY);
    ck_assert_int_eq(life_find(&w->domain, 1)->private_key, LIFE_DESTROYED);
    free(w);
}
END_TEST

START_TEST(test_token_lost_the_key)
{
    struct world *w = new_world();
    struct life_policy p = life_policy_default;
    (void)until(w, &p, 2, LIFE_STANDBY, 72);
    w->on_token[1] = false;
    w->token_down = true;
    ck_assert_uint_eq(run(w, &p, 0), 0); /* a token that does not answer is no loss */
    w->token_down = false;
    (void)run(w, &p, 0);
    ck_assert_uint_eq(w->domain.signing, 2);
    free(w);
}
END_TEST

START_TEST(test_foreign_change_freezes)
{
    static const enum life_record values[] = {LIFE_RECORD_NONE, LIFE_RECORD_EMPTY};
    for (unsigned which = 1; which <= 2; which++)
        for (unsigned v = 0; v < 2; v++) {
            struct world *w = new_world();
            struct life_policy p = life_policy_default;
            (void)until(w, &p, 2, LIFE_STANDBY, 72);
            w->primary[which] = values[v];
            servers_catch_up(w, 0);
            ck_assert_uint_eq(run(w, &p, 0), 1);
            ck_assert(w->domain.frozen);
            w->now_s += 400 * DAY;
            ck_assert_uint_eq(run(w, &p, 0), 0); /* nothing at all until people come */
            ck_assert_uint_eq(w->domain.signing, 1);
            free(w);
        }
}
END_TEST

START_TEST(test_destruction_is_approved)
{
    struct world *w = new_world();
    struct life_policy p = life_policy_default;
    p.approve_destruction = true;
    (void)until(w, &p, 1, LIFE_RETIRED, 185 * 24);
    (void)until(w, &p, 1, LIFE_REVOKED, 15 * 24);
    ck_assert_int_eq(life_find(&w->domain, 1)->private_key, LIFE_DISABLED);
    life_find(&w->domain, 1)->approved = true;
    (void)run(w, &p, 0);
    ck_assert_int_eq(life_find(&w->domain, 1)->private_key, LIFE_DESTROYED);
    free(w);
}
END_TEST

START_TEST(test_people_decide)
{
    struct world *w = new_world();
    struct life_policy p = life_policy_default;
    p.backup_required = true;
    (void)run(w, &p, 0);
    ck_assert_int_eq(w->domain.generations[0].state, LIFE_GENERATED);
    w->domain.generations[0].state = LIFE_BACKED_UP;
    (void)until(w, &p, 1, LIFE_ACTIVE, 48);
    ck_assert(!life_abort(&w->domain, 0, w->now_s)); /* it signs */
    ck_assert(life_abort(&w->domain, 1, w->now_s));
    (void)run(w, &p, 0);
    ck_assert(!w->on_token[2]);
    w->domain.suspended = true;
    w->now_s += 200 * DAY;
    ck_assert_uint_eq(run(w, &p, 0), 0);
    free(w);
}
END_TEST

/* Generation 1 is in this state for long, 2 signs, 3 stands by; all is seen, and the token answers. */
static void made(enum life_state first, struct life_domain *d, struct life_world *w)
{
    *w = (struct life_world){.now_s = 1800000000, .taken_s = 1800000000 - 20 * DAY};
    *d = (struct life_domain){.count = 3, .last_number = 3, .signing = 2, .activations = 2};
    for (unsigned i = 0; i < 3; i++) {
        d->generations[i] = (struct life_generation){.number = i + 1,
                                                     .state = i == 0   ? first
                                                              : i == 1 ? LIFE_ACTIVE
                                                                       : LIFE_STANDBY,
                                                     .private_key = LIFE_LIVE};
        d->generations[i].activated_s = d->generations[i].retired_s = d->generations[i].seen_s = w->now_s - 20 * DAY;
        w->views[i] = (struct life_view){.seen = LIFE_WANTED, .token = LIFE_TOKEN_HAS};
    }
    d->generations[0].private_key = LIFE_DESTROYED;
    d->generations[0].revoked_at = 1;
}

START_TEST(test_nothing_leaves_while_the_signing_key_is_not_seen)
{
    static const enum life_state states[] = {LIFE_ACTIVE, LIFE_RETIRED, LIFE_REVOKED, LIFE_COMPROMISED};
    static const enum life_act acts[] = {LIFE_RETIRE, LIFE_REVOKE, LIFE_REMOVE, LIFE_REMOVE};
    struct life_policy p = life_policy_default;
    struct life_domain d;
    struct life_world w;
    for (unsigned i = 0; i < 4; i++) {
        made(states[i], &d, &w);
        ck_assert_int_eq(life_next_of(&p, &d, &w, 0).act, acts[i]);
        w.views[1].seen = LIFE_UNSEEN;
        ck_assert_int_eq(life_next_of(&p, &d, &w, 0).act, LIFE_WAIT);
        w.views[1].seen = LIFE_WANTED;
        w.taken_s = 0;
        ck_assert_int_eq(life_next_of(&p, &d, &w, 0).act, LIFE_WAIT);
    }
}
END_TEST

START_TEST(test_a_sample_that_is_lost_begins_again)
{
    struct life_policy p = life_policy_default;
    struct life_domain d;
    struct life_world w;
    made(LIFE_PUBLISHING, &d, &w);
    w.views[0].seen = LIFE_UNSEEN; /* a server that is down is no difference */
    ck_assert_int_eq(life_next_of(&p, &d, &w, 0).act, LIFE_WAIT);
    w.views[0].seen = LIFE_MIXED;
    struct life_todo t = life_next_of(&p, &d, &w, 0);
    ck_assert_int_eq(t.act, LIFE_LOSE);
    ck_assert(life_apply(&d, &w, &t));
    w.views[0].seen = LIFE_WANTED;
    ck_assert_int_eq(life_next_of(&p, &d, &w, 0).act, LIFE_SAMPLE);
}
END_TEST

START_TEST(test_a_compromise_is_acted_on_while_all_else_stands_still)
{
    struct life_policy p = life_policy_default;
    struct life_domain d;
    struct life_world w;
    made(LIFE_COMPROMISED, &d, &w);
    d.frozen = d.suspended = true;
    w.views[0].seen = LIFE_OLD;
    ck_assert_int_eq(life_next(&p, &d, &w).act, LIFE_SEND);
    d.generations[1].state = LIFE_COMPROMISED; /* the one that signs, too */
    w.views[0].seen = LIFE_UNSEEN;
    ck_assert_int_eq(life_next(&p, &d, &w).act, LIFE_ACTIVATE);
    ck_assert_uint_eq(life_next(&p, &d, &w).index, 2);
}
END_TEST

/* Two years of 1,000 domains, a run an hour; everything that was signed is looked at then, and five days later. */
START_TEST(test_two_years_of_a_thousand_domains)
{
    enum { DOMAINS = 1000, HOURS = 2 * 365 * 24, QUEUE = 5 * 24 };
    struct life_policy p = life_policy_default;
    unsigned long messages = 0, rotations = 0;
    seed = 20261125;
    for (unsigned d = 0; d < DOMAINS; d++) {
        struct world *w = new_world();
        unsigned queue[QUEUE] = {0};
        p.active_max = (d % 2 == 0 ? 180 : 90) * DAY;
        for (unsigned h = 0; h < HOURS; h++, w->now_s += HOUR) {
            if (chance(2000) == 0) /* now and then a secondary stands still for a while */
                w->frozen_servers[1 + chance(SERVERS - 1)] = true;
            if (chance(24) == 0)
                memset(w->frozen_servers, 0, sizeof w->frozen_servers);
            (void)run(w, &p, 0);
            servers_catch_up(w, 1);
            nodes_catch_up(w, 1);
            sign_and_verify(w, true);
            unsigned late = queue[h % QUEUE];
            must(late == 0 || verifies(w, late, true), "domain %u: what generation %u signed fails after five days", d, late);
            queue[h % QUEUE] = w->nodes[0].signing;
            for (unsigned n = 0; n < NODES; n++)
                messages += w->nodes[n].signing != 0;
        }
        rotations += w->domain.activations - 1;
        ck_assert_uint_ge(w->domain.activations, d % 2 == 0 ? 4 : 8);
        ck_assert(!w->domain.frozen);
        free(w);
    }
    (void)printf("1,000 domains, two years: %lu rotations, %lu messages, each verified at once and five days later\n", rotations,
                 messages);
}
END_TEST

static void a_custodian_backs_up(struct life_domain *d, const struct life_policy *p)
{
    for (unsigned g = 0; p->backup_required && g < d->count; g++)
        if (d->generations[g].state == LIFE_GENERATED)
            d->generations[g].state = LIFE_BACKED_UP;
}

static void random_fault(struct world *w, const struct life_policy *p)
{
    struct life_domain *d = &w->domain;
    switch (chance(14)) {
    case 0: w->refuses = !w->refuses; break;
    case 1: w->bogus = !w->bogus; break;
    case 2: w->frozen_servers[chance(SERVERS)] ^= true; break;
    case 3: w->token_down = !w->token_down; break;
    case 4: w->node_down[chance(NODES)] ^= true; break;
    case 5: (void)run(w, p, 1 + chance(6)); break;
    case 6:
        if (d->count > 0 && chance(4) == 0)
            (void)life_compromise(d, chance(d->count), w->now_s);
        break;
    case 7:
        if (d->count > 0 && chance(3) == 0)
            (void)life_abort(d, chance(d->count), w->now_s);
        break;
    case 8: d->suspended = chance(3) == 0; break;
    case 9: w->now_s += (int64_t)chance(40) * DAY; break; /* nobody ran it for that long */
    case 10: w->now_s += (int64_t)chance(30) * 60; break;
    case 11: a_custodian_backs_up(d, p); break;
    default: w->refuses = w->bogus = w->token_down = false; break;
    }
}

/* From whatever state: what signs is there for receivers to find, whatever fails, in whatever order. */
START_TEST(test_no_faults_lead_to_no_visible_key)
{
    enum { SEQUENCES = 3000, STEPS = 400 };
    unsigned long states[LIFE_COMPROMISED + 1] = {0};
    const char *given = getenv("SEED");
    seed = given == NULL ? 7 : strtoull(given, NULL, 10);
    (void)printf("seed %llu (SEED= for another)\n", (unsigned long long)seed);
    for (unsigned i = 0; i < SEQUENCES; i++) {
        struct world *w = new_world();
        struct life_policy p = life_policy_default;
        bool began = false;
        p.active_max = 14 * DAY;
        p.backup_required = chance(2) == 0;
        for (unsigned s = 0; s < STEPS && w->domain.last_number < GENERATIONS - 8; s++, w->now_s += chance(12) * HOUR) {
            random_fault(w, &p);
            (void)run(w, &p, chance(5) == 0 ? 1 + chance(8) : 0);
            servers_catch_up(w, chance(4));
            nodes_catch_up(w, chance(4));
            sign_and_verify(w, false);
            began = began || w->domain.signing != 0;
            must(!began || life_find(&w->domain, w->domain.signing) != NULL, "nothing signs");
            must(!w->domain.frozen, "frozen"); /* nobody else was there */
            for (unsigned g = 0; g < w->domain.count; g++)
                states[w->domain.generations[g].state]++;
        }
        free(w);
    }
    for (unsigned s = 0; s <= LIFE_COMPROMISED; s++)
        ck_assert_msg(states[s] > 0, "%s was never reached", life_state_name(s));
}
END_TEST

struct foreseen {
    int64_t first[LIFE_FREEZE + 1][8]; /* by generation */
    unsigned count[LIFE_FREEZE + 1];
    int64_t last_s;
};

static void foresee(void *arg, int64_t time_s, unsigned number, enum life_act act)
{
    struct foreseen *f = arg;
    must(time_s >= f->last_s, "not in order");
    f->last_s = time_s;
    f->count[act]++;
    if (number < 8)
        f->first[act][number] = time_s;
}

START_TEST(test_forecast_of_a_year)
{
    struct life_policy p = life_policy_default;
    struct life_domain d = {0};
    struct foreseen f = {0};
    int64_t begin = 1800000000;
    forecast(&p, &d, begin, begin + 365 * DAY, HOUR, foresee, &f);
    ck_assert_uint_eq(f.count[LIFE_ACTIVATE], 3);
    ck_assert_uint_eq(f.count[LIFE_FREEZE] + f.count[LIFE_ABORT] + f.count[LIFE_LOSE], 0);
    ck_assert_int_ge(f.first[LIFE_ACTIVATE][1], begin + DAY);
    ck_assert_int_le(f.first[LIFE_ACTIVATE][1], begin + 2 * DAY);
    ck_assert_int_eq(f.first[LIFE_ACTIVATE][2] - f.first[LIFE_ACTIVATE][1], 180 * DAY);
    ck_assert_int_ge(f.first[LIFE_DESTROY][1] - f.first[LIFE_RETIRE][1], 3 * DAY);
    ck_assert_int_ge(f.first[LIFE_REVOKE][1] - f.first[LIFE_RETIRE][1], 14 * DAY);
    ck_assert_int_gt(f.first[LIFE_REMOVE][1], f.first[LIFE_ACTIVATE][3]);
    ck_assert_uint_eq(f.count[LIFE_GENERATE], 4);
    ck_assert_uint_eq(d.count, 0); /* nothing was done to it */
}
END_TEST

UNIT_MAIN("lifecycle", test_forecast_of_a_year, test_defaults_are_safe, test_one_life, test_compromise_with_a_standby,
          test_compromise_without_a_standby, test_token_lost_the_key, test_foreign_change_freezes, test_destruction_is_approved,
          test_people_decide, test_nothing_leaves_while_the_signing_key_is_not_seen, test_a_sample_that_is_lost_begins_again,
          test_a_compromise_is_acted_on_while_all_else_stands_still, test_two_years_of_a_thousand_domains,
          test_no_faults_lead_to_no_visible_key)
