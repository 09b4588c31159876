#include "ceremony/deeds.h"

#include "base/clock.h"
#include "base/err.h"
#include "ceremony/backup.h"
#include "ceremony/exchange.h"
#include "ceremony/ledger.h"
#include "ceremony/standing.h"
#include "ceremony/store.h"

const json_t *deeds_done(const struct run *r, const char *step)
{
    return json_object_get(journal_find(r->journal.entries, "done", step), "data");
}

/* The journal's first line, as it stands there. */
static void first_line_hash(const struct run *r, char hash[CANON_HEX])
{
    struct buf line = BUF_INIT;
    (void)canon_json(json_array_get(r->journal.entries, 0), &line);
    canon_hash(buf_bytes(&line), hash);
    buf_free(&line);
}

static int inventory(struct run *r, json_t **data, struct buf *why)
{
    json_t *keys, *standings = NULL;
    int err = evidence_inventory(r->token, &keys, why);
    if (err == ZEGEL_OK)
        err = standing_read(r->token, &standings, why);
    *data = err == ZEGEL_OK ? json_pack("{s:O, s:O}", "keys", keys, "standings", standings) : NULL;
    json_decref(keys);
    json_decref(standings);
    return err;
}

/* A plan that cannot be carried out is refused before it is used up. */
static int check_possible(struct run *r, struct buf *why)
{
    struct act act = {.token = r->token, .second = r->backup, .plan = r->t->plan, .plan_hash = r->t->plan_hash};
    const bool real_backup = r->o->uri == NULL && r->t->plan->action == PLAN_GENERATE;
    json_t *before = NULL;
    int err = real_backup ? backup_possible(&(struct backup){.act = act, .dir = r->t->dir}, why) : ZEGEL_OK;
    if (err == ZEGEL_OK)
        err = inventory(r, &before, why);
    act.before = before;
    for (unsigned i = 0; i < r->t->plan->keys_count && err == ZEGEL_OK; i++)
        err = act_possible(&act, &r->t->plan->keys[i], why);
    json_decref(before);
    return err;
}

static int use_plan(struct run *r, bool resuming, json_t **data, struct buf *why)
{
    char open_hash[CANON_HEX];
    bool ours = false;
    first_line_hash(r, open_hash);
    int err = ledger_check(r->token, r->t->plan, r->t->plan_hash, open_hash, r->previous_plan, &ours, why);
    if (err == ZEGEL_OK && ours && !resuming) {
        buf_add_str(why, "the token has this very run in its list, but the journal has not: the journal was cut short");
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && !ours)
        err = check_possible(r, why);
    if (err == ZEGEL_OK && !ours)
        err = ledger_enter(r->token, r->t->plan, r->t->plan_hash, open_hash, why);
    *data = json_pack("{s:s}", "journal", open_hash);
    return err;
}

int deeds_check_used(struct run *r, struct buf *why)
{
    char open_hash[CANON_HEX];
    bool ours = false;
    first_line_hash(r, open_hash);
    int err = ledger_check(r->token, r->t->plan, r->t->plan_hash, open_hash, r->previous_plan, &ours, why);
    if (err != ZEGEL_OK || ours)
        return err;
    buf_addf(why, "token %s: does not know of this ceremony, though the journal says that it was begun with it",
             r->t->plan->token.label);
    return ZEGEL_ERR_REFUSED;
}

static struct act act_of(const struct run *r, bool resuming)
{
    return (struct act){.token = r->token,
                        .second = r->backup,
                        .plan = r->t->plan,
                        .plan_hash = r->t->plan_hash,
                        .before = deeds_done(r, "inventory before"),
                        .earlier = json_object_get(r->earlier, "keys"),
                        .resuming = resuming};
}

static int key_deed(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    const struct act act = act_of(r, resuming);
    switch (r->t->plan->action) {
    case PLAN_GENERATE: return act_generate(&act, k, data, why);
    case PLAN_DESTROY: return act_destroy(&act, k, data, why);
    default: return act_permit(&act, k, data, why);
    }
}

static int backup_deed(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    const struct backup b = {.act = act_of(r, resuming), .dir = r->t->dir};
    if (r->o->uri != NULL && r->t->plan->backup.rule == PLAN_BACKUP_DKEK) {
        *data = json_pack("{s:s}", "rehearsed", "only shown: a SoftHSM has no DKEK");
        return ZEGEL_OK;
    }
    return r->t->plan->action == PLAN_DESTROY ? backup_destroy(&b, k, data, why) : backup_make(&b, k, data, why);
}

static int respond(struct run *r, json_t **data, struct buf *why)
{
    json_t *keys = json_array();
    struct buf name = BUF_INIT, text = BUF_INIT;
    char hash[CANON_HEX];
    for (unsigned i = 0; i < r->t->plan->keys_count; i++) {
        steps_key_name(&r->t->plan->keys[i], &name);
        (void)json_array_append(keys, (json_t *)(uintptr_t)deeds_done(r, buf_cstr(&name)));
    }
    json_t *response = json_pack("{s:s, s:s, s:s, s:o}", "format", RESPONSE_FORMAT, "action",
                                 plan_action_name(r->t->plan->action), "plan_sha256", r->t->plan_hash, "keys", keys);
    int err = canon_json(response, &text) ? store_write(r->t->dir, RESPONSE_FILE, buf_bytes(&text), why) : ZEGEL_ERR_NOMEM;
    canon_hash(buf_bytes(&text), hash);
    *data = err == ZEGEL_OK ? json_pack("{s:s}", "response_sha256", hash) : NULL;
    json_decref(response);
    buf_free(&name);
    buf_free(&text);
    return err;
}

static int confirm(const struct run *r, json_t **data)
{
    char time[21];
    plan_time_text(clock_wall_s(), time);
    *data = json_pack("{s:s, s:s}", "plan_sha256", r->t->plan_hash, "clock", time);
    return ZEGEL_OK;
}

int deeds_do(struct run *r, const struct step *s, bool resuming, json_t **data, struct buf *why)
{
    *data = NULL;
    switch (s->kind) {
    case STEP_CONFIRM: return confirm(r, data);
    case STEP_USE_PLAN: return use_plan(r, resuming, data, why);
    case STEP_BEFORE:
    case STEP_AFTER: return inventory(r, data, why);
    case STEP_BACKUP: return backup_deed(r, s->key, resuming, data, why);
    case STEP_KEY: return key_deed(r, s->key, resuming, data, why);
    case STEP_RESPONSE: return respond(r, data, why);
    }
    return ZEGEL_ERR_USAGE;
}
