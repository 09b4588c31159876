#include <stdio.h>

#include "audit_key.h"
#include "base/clock.h"
#include "left.h"
#include "progress.h"
#include "reconcile.h"

#define LEFT "reconcile.json"

static void print(const char *name, const struct reconcile_report *r)
{
    size_t i;
    json_t *line;
    json_array_foreach(r->differences, i, line)(void) printf("DIFFERENCE: %s\n", json_string_value(line));
    (void)printf("token %s: its log from number %llu to %llu, %llu entries: %llu signatures over mail, %llu blind ones", name,
                 (unsigned long long)r->from, (unsigned long long)r->to, (unsigned long long)r->entries,
                 (unsigned long long)r->signatures, (unsigned long long)r->blind);
    if (r->overwritten > 0)
        (void)printf("; %llu entries were overwritten unread", (unsigned long long)r->overwritten);
    (void)printf("; %llu records of the audit log: %s\n", (unsigned long long)r->records,
                 json_array_size(r->differences) == 0 ? "they say the same" : "they do not say the same");
}

static json_t *as_json(const char *name, const struct reconcile_report *r)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "token", name, "from", (json_int_t)r->from, "to",
                     (json_int_t)r->to, "entries", (json_int_t)r->entries, "overwritten", (json_int_t)r->overwritten,
                     "signatures", (json_int_t)r->signatures, "blind", (json_int_t)r->blind, "records", (json_int_t)r->records,
                     "differences", r->differences);
}

/* ---- for zegel-status: differences are told once, and stand there until a person has explained them */

static void leave(const struct config *c, const char *name, size_t differences, const char *reason)
{
    json_t *all = left_read(c, LEFT);
    if (!json_is_object(all)) {
        json_decref(all);
        all = json_object();
    }
    json_int_t before = json_integer_value(json_object_get(json_object_get(all, name), "differences"));
    json_t *now = json_pack("{s:I, s:I, s:s*}", "time", (json_int_t)clock_wall_s(), "differences",
                            (reason == NULL && before > 0 ? before : 0) + (json_int_t)differences, "explained", reason);
    (void)json_object_set_new(all, name, now);
    left_write(c, LEFT, all);
    json_decref(all);
}

/* ---- the command */

struct run {
    const struct config *config;
    const struct cmd_options *o;
    struct note_key key;
    json_t *json; /* a list, one of each token */
    unsigned looked_at;
};

/* A token that is none of ours is no fault, unless it was named. */
static int one(struct run *r, const struct config_token *t)
{
    struct reconcile_report report = {0};
    struct zegeltoken_opened token;
    struct buf why = BUF_INIT;
    int code = CMD_DONE, err = zegeltoken_open(t, &token, &why); /* no login: nothing of this needs a PIN */
    if (err == ZEGEL_ERR_NOT_FOUND && r->o->token == NULL) {
        buf_free(&why);
        return CMD_DONE;
    }
    r->looked_at++;
    if (err == ZEGEL_OK) {
        err = reconcile(&token.z, r->config->state, &r->key, &report, &why);
        zegeltoken_close(&token);
    }
    bool lies = err == ZEGEL_ERR_BAD_SIGNATURE || err == ZEGEL_ERR_FORMAT; /* one of the two logs, or another token */
    if (err == ZEGEL_OK && r->o->json) {
        (void)json_array_append_new(r->json, as_json(t->name, &report));
    } else if (err == ZEGEL_OK) {
        progress_hold();
        print(t->name, &report);
        progress_go_on();
    } else {
        code = cmd_fail(&cmd_token_reconcile, err, buf_cstr(&why));
    }
    size_t differences = err == ZEGEL_OK ? json_array_size(report.differences) : lies;
    if (err == ZEGEL_OK || lies)
        leave(r->config, t->name, differences, r->o->text);
    json_decref(report.differences);
    buf_free(&why);
    return differences > 0 ? CMD_NO : code;
}

/* The worst: a difference, then a fault. */
static int all(struct run *r)
{
    int worst = CMD_DONE;
    for (unsigned i = 0; i < r->config->tokens_count; i++) {
        int code =
            r->o->token == NULL || strcmp(r->o->token, r->config->tokens[i].name) == 0 ? one(r, &r->config->tokens[i]) : CMD_DONE;
        if (code == CMD_NO || worst == CMD_DONE)
            worst = code;
    }
    if (r->looked_at == 0)
        return cmd_fail(&cmd_token_reconcile, ZEGEL_ERR_USAGE, "no such Zegel token in the configuration");
    return worst;
}

static int run_reconcile(int argc, char **argv)
{
    struct cmd_options o;
    struct run r = {.o = &o};
    int code;
    if (!cmd_options(argc, argv, &cmd_token_reconcile, &o, &code) || !audit_key(&cmd_token_reconcile, &o, &r.key, &code))
        return code;
    struct config *c = cmd_config(&cmd_token_reconcile, &o, &code);
    if (c == NULL)
        return code;
    r.config = c;
    r.json = json_array();
    progress_begin(&o, "reading both logs", 0);
    code = all(&r);
    progress_end();
    if (o.json)
        cmd_print_json(r.json);
    else
        json_decref(r.json);
    config_free(c);
    return code;
}

const struct cmd cmd_token_reconcile = {"token", "reconcile", run_reconcile,
                                        "--key KEY|file:/PATH [--token NAME] [--text REASON] [--json]",
                                        "Do the Zegel tokens' own logs say what the audit log says?"};
