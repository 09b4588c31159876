#include "ceremony/run.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "ceremony/act.h"
#include "ceremony/exchange.h"
#include "ceremony/journal.h"
#include "ceremony/ledger.h"
#include "ceremony/store.h"

struct run {
    const struct transcript *t;
    const struct run_options *o;
    struct journal journal;
    struct module *module;
    struct token *token;
    char tool[CANON_HEX], module_hash[CANON_HEX], previous_plan[CANON_HEX];
    json_t *signers; /* approvals: name → SHA-256 */
    unsigned number; /* of the step */
};

typedef int (*deed)(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why);

unsigned run_steps(const struct plan *p)
{
    return 5 + p->keys_count;
}

static const json_t *done_data(const struct run *r, const char *step)
{
    return json_object_get(journal_find(r->journal.entries, "done", step), "data");
}

/* ---- before the token is touched ---- */

static const char *module_path(const struct run *r)
{
    return r->o->uri != NULL ? r->o->module : r->t->plan->token.module;
}

static int check_binary(const struct plan *p, struct run *r, struct buf *why)
{
    int err = store_hash("/proc/self/exe", r->tool, why);
    if (err == ZEGEL_OK)
        err = store_hash(module_path(r), r->module_hash, why);
    if (err == ZEGEL_OK && strcmp(r->tool, p->tool_sha256) != 0) {
        buf_addf(why,
                 "this zegel is not the one in the plan (its SHA-256 begins %.16s, the plan's %.16s); use that one, or plan anew",
                 r->tool, p->tool_sha256);
        err = ZEGEL_ERR_REFUSED;
    } else if (err == ZEGEL_OK && r->o->uri == NULL && strcmp(r->module_hash, p->token.module_sha256) != 0) {
        buf_addf(why, "%s is not the module in the plan (its SHA-256 begins %.16s, the plan's %.16s)", p->token.module,
                 r->module_hash, p->token.module_sha256);
        err = ZEGEL_ERR_REFUSED;
    }
    return err;
}

static int check_previous(struct run *r, struct buf *why)
{
    bool first = strcmp(r->t->plan->previous, PLAN_NO_PREVIOUS) == 0;
    if (r->o->uri != NULL || (first && r->o->previous == NULL))
        return ZEGEL_OK;
    if (!first && r->o->previous != NULL)
        return transcript_continues(r->t, r->o->previous, r->previous_plan, why);
    buf_add_str(why, first ? "--previous was given, but the plan says that it is the first ceremony"
                           : "the plan continues an earlier ceremony: give its directory with --previous");
    return ZEGEL_ERR_REFUSED;
}

static int check_papers(struct run *r, struct buf *why)
{
    int err = plan_check_time(r->t->plan, clock_wall_s(), why);
    if (err == ZEGEL_OK)
        err = check_binary(r->t->plan, r, why);
    if (err == ZEGEL_OK)
        err = check_previous(r, why);
    if (err == ZEGEL_OK && r->o->uri == NULL)
        err = transcript_approved(r->t, r->signers, why);
    if (err == ZEGEL_OK && r->o->uri == NULL)
        err = exchange_export(r->t, why);
    return err;
}

/* ---- the token ---- */

static void planned_uri(const struct plan *p, struct buf *uri)
{
    const char *parts[] = {"pkcs11:token=", p->token.label, ";serial=", p->token.serial};
    for (size_t i = 0; i < 4; i++)
        for (const char *c = parts[i]; *c != '\0'; c++)
            if (*c == ' ')
                buf_add_str(uri, "%20");
            else
                buf_add_u8(uri, (uint8_t)*c);
}

static int open_token(struct run *r, struct buf *why)
{
    struct buf uri = BUF_INIT, pin = BUF_INIT;
    if (r->o->uri != NULL)
        buf_add_str(&uri, r->o->uri);
    else
        planned_uri(r->t->plan, &uri);
    struct token_config cfg = {.name = "ceremony", .uri = buf_cstr(&uri), .latch_dir = r->o->latch_dir, .sessions = 2};
    int err = module_open(module_path(r), r->o->uri == NULL ? r->t->plan->token.module_sha256 : NULL, &r->module, why);
    if (err == ZEGEL_OK)
        err = token_open(r->module, &cfg, &r->token, why);
    if (err == ZEGEL_OK)
        err = r->o->pin(r->o->pin_arg, &pin, why);
    if (err == ZEGEL_OK)
        err = token_login(r->token, buf_bytes(&pin), why);
    buf_free(&uri);
    buf_free(&pin);
    return err;
}

/* ---- the steps ---- */

static int note(struct run *r, const char *event, const char *step, json_t *data, struct buf *why)
{
    return journal_append(&r->journal, clock_wall_s(), event, step, data, why);
}

static int step(struct run *r, const char *name, const char *text, const char *hash, deed act, const struct plan_key *k,
                struct buf *why)
{
    const struct talk *talk = &r->o->talk;
    json_t *data = NULL;
    r->number++;
    if (done_data(r, name) != NULL) {
        (void)talk_step(&(struct talk){.out = talk->out, .colour = talk->colour}, r->number, run_steps(r->t->plan), name, text,
                        NULL);
        talk_result(talk, true, "was done before");
        return ZEGEL_OK;
    }
    bool resuming = journal_find(r->journal.entries, "intent", name) != NULL;
    if (!talk_step(talk, r->number, run_steps(r->t->plan), name, text, hash)) {
        buf_addf(why, "stopped before step %u (%s), as you said; nothing of it was done; the same command goes on from here",
                 r->number, name);
        return ZEGEL_ERR_REFUSED;
    }
    int err = resuming ? ZEGEL_OK : note(r, "intent", name, NULL, why);
    if (err == ZEGEL_OK)
        err = act(r, k, resuming, &data, why);
    if (err == ZEGEL_OK)
        err = note(r, "done", name, data, why);
    else
        json_decref(data);
    talk_result(talk, err == ZEGEL_OK, err == ZEGEL_OK ? "and written into the journal" : "see the message below");
    return err;
}

/* The journal's first line, as it stands there. */
static void first_line_hash(const struct run *r, char hash[CANON_HEX])
{
    struct buf line = BUF_INIT;
    (void)canon_json(json_array_get(r->journal.entries, 0), &line);
    canon_hash(buf_bytes(&line), hash);
    buf_free(&line);
}

static int use_plan(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    char open_hash[CANON_HEX];
    bool ours = false;
    (void)k;
    first_line_hash(r, open_hash);
    int err = ledger_check(r->token, r->t->plan, r->t->plan_hash, open_hash, r->previous_plan, &ours, why);
    if (err == ZEGEL_OK && ours && !resuming) {
        buf_add_str(why, "the token has this very run in its list, but the journal has not: the journal was cut short");
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && !ours)
        err = ledger_enter(r->token, r->t->plan, r->t->plan_hash, open_hash, why);
    *data = json_pack("{s:s}", "journal", open_hash);
    return err;
}

/* Also when the plan was used up before: the token has to have it. */
static int check_used(struct run *r, struct buf *why)
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

static int inventory(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    json_t *keys;
    (void)k, (void)resuming;
    int err = evidence_inventory(r->token, &keys, why);
    *data = err == ZEGEL_OK ? json_pack("{s:o}", "keys", keys) : NULL;
    return err;
}

static int key_deed(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    const json_t *before = json_object_get(done_data(r, "inventory before"), "keys");
    if (r->t->plan->action == PLAN_DESTROY)
        return act_destroy(r->token, k, before, resuming, data, why);
    return act_generate(r->token, r->t->plan, r->t->plan_hash, k, before, resuming, data, why);
}

static void key_step_name(const struct plan_key *k, struct buf *name)
{
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    buf_clear(name);
    buf_addf(name, "key %s", buf_cstr(&label));
    buf_free(&label);
}

static int respond(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    json_t *keys = json_array();
    struct buf name = BUF_INIT, text = BUF_INIT;
    char hash[CANON_HEX];
    (void)k, (void)resuming;
    for (unsigned i = 0; i < r->t->plan->keys_count; i++) {
        key_step_name(&r->t->plan->keys[i], &name);
        (void)json_array_append(keys, (json_t *)(uintptr_t)done_data(r, buf_cstr(&name)));
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

static int confirm_plan(struct run *r, const struct plan_key *k, bool resuming, json_t **data, struct buf *why)
{
    char time[21];
    (void)k, (void)resuming;
    plan_time_text(clock_wall_s(), time);
    *data = json_pack("{s:s, s:s}", "plan_sha256", r->t->plan_hash, "clock", time);
    (void)why;
    return ZEGEL_OK;
}

static int key_steps(struct run *r, struct buf *why)
{
    bool destroy = r->t->plan->action == PLAN_DESTROY;
    struct buf name = BUF_INIT, text = BUF_INIT;
    int err = ZEGEL_OK;
    for (unsigned i = 0; i < r->t->plan->keys_count && err == ZEGEL_OK; i++) {
        const struct plan_key *k = &r->t->plan->keys[i];
        key_step_name(k, &name);
        buf_clear(&text);
        if (destroy)
            buf_add_str(&text, "Destroy this key on the token, for ever, and look that it is gone.");
        else
            buf_addf(&text, "Generate this %s key on the token; read back its attributes;\n    have it prove that it is there.",
                     plan_algorithm_name(k->algorithm));
        err = step(r, buf_cstr(&name), buf_cstr(&text), destroy ? k->spki_sha256 : NULL, key_deed, k, why);
    }
    buf_free(&name);
    buf_free(&text);
    return err;
}

static int steps(struct run *r, struct buf *why)
{
    int err = step(r, "confirm", "Custodians and witness: is this the plan that was approved?\n    Is the clock right (UTC)?",
                   r->t->plan_hash, confirm_plan, NULL, why);
    if (err == ZEGEL_OK)
        err = step(r, "use plan", "Write down on the token that this plan is used: never again.", NULL, use_plan, NULL, why);
    if (err == ZEGEL_OK)
        err = check_used(r, why);
    if (err == ZEGEL_OK)
        err = step(r, "inventory before", "List every signing key on the token.", NULL, inventory, NULL, why);
    if (err == ZEGEL_OK)
        err = key_steps(r, why);
    if (err == ZEGEL_OK)
        err = step(r, "inventory after", "List every signing key on the token again.", NULL, inventory, NULL, why);
    if (err == ZEGEL_OK)
        err = step(r, "response", "Write response.json: what the DNS operator publishes.", NULL, respond, NULL, why);
    return err;
}

static int begin(struct run *r, struct buf *why)
{
    uint8_t random[16];
    char run[33];
    if (journal_find(r->journal.entries, "open", NULL) != NULL)
        return note(r, "resume", "", NULL, why);
    if (RAND_bytes(random, sizeof random) != 1)
        return ZEGEL_ERR_SYSTEM;
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(run + 2 * i, 3, "%02x", random[i]);
    return note(r, "open", "",
                json_pack("{s:s, s:s, s:s, s:s, s:b, s:O}", "run", run, "tool_sha256", r->tool, "module_sha256", r->module_hash,
                          "token_serial", r->t->plan->token.serial, "rehearsal", r->o->uri != NULL, "approvals", r->signers),
                why);
}

int run_ceremony(const struct transcript *t, const struct run_options *o, struct buf *why)
{
    struct run r = {.t = t, .o = o, .journal = {.fd = -1}, .signers = json_object()};
    int err = check_papers(&r, why);
    if (err == ZEGEL_OK)
        err = journal_open(t->dir, t->plan_hash, &r.journal, why);
    if (err == ZEGEL_OK && journal_find(r.journal.entries, "close", NULL) != NULL) {
        buf_addf(why, "%s: this ceremony has ended; a plan is used once", t->dir);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        err = open_token(&r, why);
    if (err == ZEGEL_OK)
        err = begin(&r, why);
    if (err == ZEGEL_OK)
        err = steps(&r, why);
    if (err == ZEGEL_OK)
        err = note(&r, "close", "", NULL, why);
    token_close(r.token);
    module_close(r.module);
    journal_close(&r.journal);
    json_decref(r.signers);
    return err;
}

int run_exception(const struct transcript *t, const char *text, const char *decision, const char *agreed, struct buf *why)
{
    struct journal j;
    char number[16];
    unsigned count = 1;
    int err = journal_open(t->dir, t->plan_hash, &j, why);
    if (err != ZEGEL_OK)
        return err;
    for (size_t i = 0; i < json_array_size(j.entries); i++) {
        const char *event = json_string_value(json_object_get(json_array_get(j.entries, i), "event"));
        count += event != NULL && strcmp(event, "exception") == 0;
    }
    (void)snprintf(number, sizeof number, "E%u", count);
    json_t *data = json_pack("{s:s, s:s, s:s}", "text", text, "decision", decision, "agreed", agreed);
    if (data == NULL) {
        buf_add_str(why, "the words are no UTF-8");
        err = ZEGEL_ERR_USAGE;
    } else if (journal_find(j.entries, "close", NULL) != NULL) {
        buf_add_str(why, "the ceremony has ended; write the exception into the minutes of the next");
        json_decref(data);
        err = ZEGEL_ERR_REFUSED;
    } else {
        err = journal_append(&j, clock_wall_s(), "exception", number, data, why);
    }
    journal_close(&j);
    return err;
}
