#include "lifecycle/round.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "lifecycle/active.h"
#include "lifecycle/made.h"
#include "lifecycle/work.h"

enum { ACTS_MAX = 100, NUMBERS_TRIED = 50 };

struct life_policy round_policy(const struct config_rotation *r)
{
    return (struct life_policy){.sample_gap = r->seconds[ROTATION_SAMPLE],
                                .settle = r->seconds[ROTATION_SETTLE],
                                .visible_min = r->seconds[ROTATION_VISIBLE],
                                .active_max = r->seconds[ROTATION_ACTIVE],
                                .unused = r->seconds[ROTATION_UNUSED],
                                .destroy_after = r->seconds[ROTATION_DESTROY],
                                .revoke_after = r->seconds[ROTATION_REVOKE],
                                .approve_destruction = r->approval == CONFIG_YES || r->trust != NULL,
                                .backup_required = r->backup_required == CONFIG_YES,
                                .by_ceremony = r->ceremony == CONFIG_YES};
}

void round_name(const char *domain, const struct store_key *k, struct buf *out)
{
    buf_addf(out, "%s._domainkey.%s", k->selector, domain);
}

/* ---- one step of the machine, durably ---- */

static void say_step(const struct work *w, const struct store_transition *t, const struct work_part *p)
{
    struct buf line = BUF_INIT;
    buf_addf(&line, "generation %u", t->number);
    for (unsigned k = 0; p != NULL && k < p->count; k++)
        buf_addf(&line, "%s%s", k == 0 ? " (" : ", ", p->keys[k].selector);
    buf_addf(&line, "%s: %s", p != NULL && p->count > 0 ? ")" : "", t->act);
    if (strcmp(t->from, t->to) != 0)
        buf_addf(&line, ", %s -> %s", t->from, t->to);
    w->round->say(w->round->arg, t->domain, buf_cstr(&line));
    buf_free(&line);
}

/* Within store_begin: the state after the act, and the ledger. */
static int write_step(struct work *w, const struct life_todo *todo, unsigned number, enum life_state from, struct buf *why)
{
    const struct life_generation *g = life_find(&w->life, number);
    struct store_transition t = {.time_s = w->now_s,
                                 .domain = w->domain->domain,
                                 .number = number,
                                 .act = life_act_name(todo->act),
                                 .from = life_state_name(from),
                                 .to = life_state_name(g == NULL ? from : g->state),
                                 .who = w->round->who,
                                 .note = todo->act == LIFE_DESTROY ? "private keys destroyed" : ""};
    int err = store_save(w->round->store, w->domain->domain, &w->life, why);
    if (err == ZEGEL_OK)
        err = store_enter(w->round->store, &t, why);
    if (err == ZEGEL_OK)
        err = store_commit(w->round->store, why);
    if (err == ZEGEL_OK)
        say_step(w, &t, todo->act == LIFE_PLAN ? NULL : &w->parts[todo->index]);
    return err;
}

static int step(struct work *w, const struct life_todo *todo, struct buf *why)
{
    const struct life_generation *g = &w->life.generations[todo->index];
    unsigned number = g->number;
    enum life_state from = g->state;
    int err = store_begin(w->round->store, why);
    if (err != ZEGEL_OK)
        return err;
    if (!life_apply(&w->life, &w->world, todo))
        err = ZEGEL_ERR_TOO_BIG;
    for (unsigned k = 0; err == ZEGEL_OK && todo->act == LIFE_GENERATE && k < w->parts[todo->index].count; k++)
        err = store_key_made(w->round->store, w->domain->domain, &w->parts[todo->index].keys[k], why);
    return err == ZEGEL_OK ? write_step(w, todo, number, from, why) : err;
}

/* ---- acts on the world: written down before, and after ---- */

/* ZEGEL_OK: *result is what came of it; anything else is of the store. */
typedef int act_on_key(struct work *w, unsigned index, unsigned key, struct buf *why);

static int journaled(struct work *w, const struct life_todo *todo, unsigned key, act_on_key *act, int *result, struct buf *why)
{
    const struct life_generation *g = &w->life.generations[todo->index];
    struct buf problem = BUF_INIT;
    int64_t intent;
    *result = ZEGEL_OK;
    int err = store_intend(w->round->store, w->now_s, w->domain->domain, g->number, life_act_name(todo->act),
                           w->parts[todo->index].keys[key].selector, &intent, why);
    if (err == ZEGEL_OK) {
        *result = act(w, todo->index, key, &problem);
        err = store_outcome(w->round->store, intent, w->now_s, *result == ZEGEL_OK ? "done" : buf_cstr(&problem), why);
    }
    if (*result != ZEGEL_OK)
        work_fault(w, problem.len > 0 ? buf_cstr(&problem) : zegel_strerror(*result));
    buf_free(&problem);
    return err;
}

static int make_key(struct work *w, unsigned index, unsigned key, struct buf *why)
{
    struct token *t = w->round->token(w->round->arg, w->domain->rotates->token_index, why);
    return t == NULL ? ZEGEL_ERR_TOKEN_GONE : made_make(t, w->domain->domain, &w->parts[index].keys[key], why);
}

static int destroy_key(struct work *w, unsigned index, unsigned key, struct buf *why)
{
    struct token *t = w->round->token(w->round->arg, w->domain->rotates->token_index, why);
    return t == NULL ? ZEGEL_ERR_TOKEN_GONE : made_destroy(t, w->domain->domain, &w->parts[index].keys[key], why);
}

static int send_record(struct work *w, unsigned index, unsigned key, struct buf *why)
{
    struct publish p = {.rotation = w->domain->rotates,
                        .observe = w->round->observe,
                        .server = w->round->server,
                        .server_fault = w->round->server_fault};
    struct work_record r;
    struct buf name = BUF_INIT;
    work_record(w, index, key, &r);
    round_name(w->domain->domain, &w->parts[index].keys[key], &name);
    struct publish_change c = {.name = buf_cstr(&name), .before = r.before, .wanted = r.wanted};
    int err = publish_send(&p, &c, why);
    buf_free(&name);
    return err;
}

/* All keys of the generation, or as far as it goes. *done: all went well. */
static int each_key(struct work *w, const struct life_todo *todo, act_on_key *act, int *result, struct buf *why)
{
    int err = ZEGEL_OK;
    *result = ZEGEL_OK;
    for (unsigned k = 0; k < w->parts[todo->index].count && err == ZEGEL_OK && *result == ZEGEL_OK; k++)
        err = journaled(w, todo, k, act, result, why);
    return err;
}

/* A name that is taken on the token is given up; the next number has another one. */
static int generate(struct work *w, const struct life_todo *todo, bool *stop, struct buf *why)
{
    const struct life_todo give_up = {.act = LIFE_ABORT, .index = todo->index};
    int result;
    int err = each_key(w, todo, make_key, &result, why);
    if (err != ZEGEL_OK || (result != ZEGEL_OK && result != ZEGEL_ERR_EXISTS)) {
        *stop = true;
        return err;
    }
    w->parts[todo->index].token = LIFE_TOKEN_HAS;
    return step(w, result == ZEGEL_OK ? todo : &give_up, why);
}

static int destroy(struct work *w, const struct life_todo *todo, bool *stop, struct buf *why)
{
    int result;
    int err = each_key(w, todo, destroy_key, &result, why);
    *stop = err != ZEGEL_OK || result != ZEGEL_OK;
    return *stop ? err : step(w, todo, why);
}

/* Those of its records that are not there yet. That it failed is said; what is there, the next look tells. */
static int send_all(struct work *w, const struct life_todo *todo, struct buf *why)
{
    struct work_part *p = &w->parts[todo->index];
    int err = ZEGEL_OK, result;
    for (unsigned k = 0; k < p->count && err == ZEGEL_OK; k++) {
        struct work_record r;
        struct buf detail = BUF_INIT, name = BUF_INIT;
        work_record(w, todo->index, k, &r);
        round_name(w->domain->domain, &p->keys[k], &name);
        struct look_wish wish = {
            .wanted = r.wanted, .before = r.before, .insecure_allowed = w->domain->rotates->insecure_allowed == CONFIG_YES};
        if (look_judge(&p->looks[k], &wish, &detail) != LIFE_OLD) {
            /* on its way */
        } else if (w->domain->rotates->publish == CONFIG_PUBLISH_MANUAL) {
            const struct publish_change c = {.name = buf_cstr(&name), .before = r.before, .wanted = r.wanted};
            buf_add_str(&p->todo, p->todo.len == 0 ? "people: " : "; ");
            publish_print(&c, &p->todo);
        } else {
            err = journaled(w, todo, k, send_record, &result, why);
        }
        buf_free(&detail);
        buf_free(&name);
    }
    p->sent = true;
    if (p->todo.len > 0)
        w->round->say(w->round->arg, w->domain->domain, buf_cstr(&p->todo));
    return err == ZEGEL_OK ? step(w, todo, why) : err;
}

/* ---- one more generation ---- */

static int reserve(struct work *w, unsigned number, struct store_key keys[STORE_KEYS_MAX], struct buf *why)
{
    const struct config_rotation *r = w->domain->rotates;
    int err = ZEGEL_OK;
    for (unsigned k = 0; k < r->keys_count && err == ZEGEL_OK; k++) {
        err = made_plan(&keys[k], number, r->keys[k], w->now_s);
        if (err == ZEGEL_OK)
            err = work_is_new(w, &keys[k], why);
    }
    return err;
}

/* Selectors that neither we nor DNS ever had. */
static int plan(struct work *w, const struct life_todo *todo, bool *stop, struct buf *why)
{
    struct store_key keys[STORE_KEYS_MAX];
    struct buf problem = BUF_INIT;
    unsigned number = w->life.last_number;
    int err = ZEGEL_ERR_EXISTS;
    for (unsigned tried = 0; tried < NUMBERS_TRIED && err == ZEGEL_ERR_EXISTS; tried++) {
        buf_clear(&problem);
        err = reserve(w, ++number, keys, &problem);
    }
    *stop = err != ZEGEL_OK;
    if (*stop)
        work_fault(w, problem.len > 0 ? buf_cstr(&problem) : zegel_strerror(err));
    buf_free(&problem);
    if (*stop)
        return ZEGEL_OK;
    err = store_begin(w->round->store, why);
    w->life.last_number = number - 1;
    if (err == ZEGEL_OK && !life_apply(&w->life, &w->world, todo))
        err = ZEGEL_ERR_TOO_BIG;
    if (err == ZEGEL_OK)
        err = store_save(w->round->store, w->domain->domain, &w->life, why);
    for (unsigned k = 0; k < w->domain->rotates->keys_count && err == ZEGEL_OK; k++)
        err = store_key_add(w->round->store, w->domain->domain, &keys[k], why);
    if (err == ZEGEL_OK)
        err = write_step(w, todo, number, LIFE_PLANNED, why);
    return err == ZEGEL_OK ? work_load(w, why) : err;
}

/* ---- all of it ---- */

static int perform(struct work *w, const struct life_todo *todo, bool *stop, struct buf *why)
{
    switch (todo->act) {
    case LIFE_PLAN: return plan(w, todo, stop, why);
    case LIFE_GENERATE: return generate(w, todo, stop, why);
    case LIFE_DESTROY: return destroy(w, todo, stop, why);
    case LIFE_SEND: return send_all(w, todo, why);
    default: break;
    }
    int err = step(w, todo, why);
    if (err == ZEGEL_OK && todo->act == LIFE_ACTIVATE)
        err = active_write(w->round->store, w->round->config, why);
    return err;
}

/* What a generation waits for, and for whom. */
static void describe_wait(struct work *w, unsigned i, const struct life_todo *t, struct buf *text)
{
    if (w->parts[i].todo.len > 0)
        buf_add(text, buf_bytes(&w->parts[i].todo));
    else
        buf_add_str(text, t->act == LIFE_WAIT ? life_why_text(t->why) : "the next run");
    if (t->act == LIFE_WAIT && t->why == LIFE_WHY_SERVERS && w->parts[i].differs.len > 0)
        buf_addf(text, ": %.300s", buf_cstr(&w->parts[i].differs));
    if (t->act == LIFE_WAIT && t->why == LIFE_WHY_NODES && w->lags != NULL)
        buf_addf(text, ": %s does not yet", w->lags[0] == '\0' ? "zegeld of this host" : w->lags);
}

/* For zegel rotate status. */
static int note_waits(struct work *w, struct buf *why)
{
    const char *domain = w->domain->domain;
    int err = store_begin(w->round->store, why);
    for (unsigned i = 0; i < w->life.count && err == ZEGEL_OK; i++) {
        struct life_todo t = life_next_of(&w->policy, &w->life, &w->world, i);
        struct buf text = BUF_INIT;
        describe_wait(w, i, &t, &text);
        err = store_waits_set(w->round->store, domain, w->life.generations[i].number, buf_cstr(&text),
                              t.act == LIFE_WAIT ? t.until_s : 0, why);
        buf_free(&text);
    }
    if (err == ZEGEL_OK)
        err = store_fault_set(w->round->store, domain, buf_cstr(&w->fault), why);
    return err == ZEGEL_OK ? store_commit(w->round->store, why) : err;
}

static int acts(struct work *w, struct buf *why)
{
    bool stop = false;
    int err = work_load(w, why);
    for (unsigned n = 0; err == ZEGEL_OK && !stop && n < ACTS_MAX; n++) {
        err = work_see(w, why);
        if (err != ZEGEL_OK)
            break;
        struct life_todo todo = life_next(&w->policy, &w->life, &w->world);
        if (todo.act == LIFE_WAIT)
            break;
        err = perform(w, &todo, &stop, why);
    }
    return err;
}

int round_run(struct round *r, const struct config_domain *d, bool *fault, struct buf *why)
{
    struct work *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ZEGEL_ERR_NOMEM;
    w->round = r;
    w->domain = d;
    w->policy = round_policy(d->rotates);
    w->now_s = clock_wall_s();
    int err = store_clock(r->store, w->now_s, why);
    const char *problem = life_policy_problem(&w->policy);
    if (err == ZEGEL_OK && problem != NULL) {
        buf_addf(why, "%s: %s", d->domain, problem);
        err = ZEGEL_ERR_CONFIG;
    }
    if (err == ZEGEL_OK)
        err = acts(w, why);
    store_rollback(r->store);
    if (err == ZEGEL_OK)
        err = note_waits(w, why);
    store_rollback(r->store);
    *fault = w->fault.len > 0 || w->life.frozen;
    if (w->fault.len > 0)
        r->say(r->arg, d->domain, buf_cstr(&w->fault));
    work_clear(w);
    buf_free(&w->fault);
    free(w);
    return err;
}
