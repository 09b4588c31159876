#include "ceremony/run.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "ceremony/deeds.h"
#include "ceremony/exchange.h"
#include "ceremony/store.h"

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
        buf_addf(why, "%s is not the module in the plan (its SHA-256 begins %.16s, the plan's %.16s); use that one, or plan anew",
                 p->token.module, r->module_hash, p->token.module_sha256);
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
        return transcript_continues(r->t, r->o->previous, r->previous_plan, &r->earlier, why);
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

static void planned_uri(const struct plan_token *t, struct buf *uri)
{
    const char *parts[] = {"pkcs11:token=", t->label, ";serial=", t->serial};
    for (size_t i = 0; i < 4; i++)
        for (const char *c = parts[i]; *c != '\0'; c++)
            if (*c == ' ')
                buf_add_str(uri, "%20");
            else
                buf_add_u8(uri, (uint8_t)*c);
}

/* `uri` NULL: the planned one. `name`: for the latch and messages. */
static int open_one(struct run *r, const struct plan_token *planned, const char *uri, const char *name, void *pin_arg,
                    struct module *m, struct token **out, struct buf *why)
{
    struct buf text = BUF_INIT, pin = BUF_INIT;
    if (uri == NULL)
        planned_uri(planned, &text);
    else
        buf_add_str(&text, uri);
    struct token_config cfg = {.name = name, .uri = buf_cstr(&text), .latch_dir = r->o->latch_dir, .sessions = 2};
    int err = token_open(m, &cfg, out, why);
    if (err == ZEGEL_OK)
        err = r->o->pin(pin_arg, &pin, why);
    if (err == ZEGEL_OK)
        err = token_login(*out, buf_bytes(&pin), why);
    buf_free(&text);
    buf_free(&pin);
    return err;
}

static int open_backup(struct run *r, struct buf *why)
{
    const struct plan_token *second = r->t->plan->backup.token;
    bool same = r->o->uri != NULL || strcmp(second->module, r->t->plan->token.module) == 0; /* initialised once */
    int err = same ? ZEGEL_OK : module_open(second->module, second->module_sha256, &r->backup_module, why);
    if (err == ZEGEL_OK)
        err = open_one(r, second, r->o->backup_uri, "ceremony-backup", r->o->backup_pin_arg,
                       r->backup_module != NULL ? r->backup_module : r->module, &r->backup, why);
    return err;
}

static int open_tokens(struct run *r, struct buf *why)
{
    const char *hash = r->o->uri == NULL ? r->t->plan->token.module_sha256 : NULL;
    int err = module_open(module_path(r), hash, &r->module, why);
    if (err == ZEGEL_OK)
        err = open_one(r, &r->t->plan->token, r->o->uri, "ceremony", r->o->pin_arg, r->module, &r->token, why);
    if (err == ZEGEL_OK && steps_have_backup(r->t->plan))
        err = open_backup(r, why);
    return err;
}

/* ---- the steps ---- */

static int note(struct run *r, const char *event, const char *step, json_t *data, struct buf *why)
{
    return journal_append(&r->journal, clock_wall_s(), event, step, data, why);
}

static const char *hash_to_compare(const struct run *r, const struct step *s)
{
    return s->kind == STEP_CONFIRM ? r->t->plan_hash : s->key != NULL ? s->key->spki_sha256 : NULL;
}

static int take_step(struct run *r, const struct step *s, struct buf *name, struct buf *text, struct buf *why)
{
    const struct talk *talk = &r->o->talk;
    const unsigned count = steps_count(r->t->plan);
    json_t *data = NULL;
    if (deeds_done(r, buf_cstr(name)) != NULL) {
        const struct talk told = {.out = talk->out, .colour = talk->colour};
        (void)talk_step(&told, r->number, count, buf_cstr(name), buf_cstr(text), NULL);
        talk_result(talk, true, "was done before");
        return ZEGEL_OK;
    }
    bool resuming = journal_find(r->journal.entries, "intent", buf_cstr(name)) != NULL;
    if (!talk_step(talk, r->number, count, buf_cstr(name), buf_cstr(text), hash_to_compare(r, s))) {
        buf_addf(why, "stopped before step %u (%s), as you said; nothing of it was done; the same command goes on from here",
                 r->number, buf_cstr(name));
        return ZEGEL_ERR_REFUSED;
    }
    int err = resuming ? ZEGEL_OK : note(r, "intent", buf_cstr(name), NULL, why);
    if (err == ZEGEL_OK)
        err = deeds_do(r, s, resuming, &data, why);
    if (err == ZEGEL_OK)
        err = note(r, "done", buf_cstr(name), data, why);
    else
        json_decref(data);
    talk_result(talk, err == ZEGEL_OK, err == ZEGEL_OK ? "and written into the journal" : "see the message below");
    return err;
}

static int steps(struct run *r, struct buf *why)
{
    struct step s = {.name = BUF_INIT, .text = BUF_INIT};
    int err = ZEGEL_OK;
    for (unsigned i = 0; err == ZEGEL_OK && i < steps_count(r->t->plan); i++) {
        steps_get(r->t->plan, i, &s);
        r->number = i + 1;
        err = take_step(r, &s, &s.name, &s.text, why);
        if (err == ZEGEL_OK && s.kind == STEP_USE_PLAN)
            err = deeds_check_used(r, why);
    }
    steps_free(&s);
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
    bytes_hex(bytes_of(random, sizeof random), run);
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
    } else if (err == ZEGEL_OK && journal_find(r.journal.entries, "abandon", NULL) != NULL) {
        buf_addf(why, "%s: this ceremony was abandoned; end it with zegel ceremony abandon", t->dir);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        err = open_tokens(&r, why);
    if (err == ZEGEL_OK)
        err = begin(&r, why);
    if (err == ZEGEL_OK)
        err = steps(&r, why);
    if (err == ZEGEL_OK)
        err = note(&r, "close", "", NULL, why);
    token_close(r.backup);
    token_close(r.token);
    module_close(r.backup_module);
    module_close(r.module);
    journal_close(&r.journal);
    json_decref(r.earlier);
    json_decref(r.signers);
    return err;
}
