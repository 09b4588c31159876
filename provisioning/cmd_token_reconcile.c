#include <stdio.h>

#include "reconcile.h"

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

static json_t *as_json(const struct reconcile_report *r)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "from", (json_int_t)r->from, "to", (json_int_t)r->to, "entries",
                     (json_int_t)r->entries, "overwritten", (json_int_t)r->overwritten, "signatures", (json_int_t)r->signatures,
                     "blind", (json_int_t)r->blind, "records", (json_int_t)r->records, "differences", r->differences);
}

static int open_and_reconcile(const struct config *c, const struct config_token *t, const struct note_key *key,
                              struct reconcile_report *out, struct buf *why)
{
    struct zegeltoken_opened token;
    int err = zegeltoken_open(t, &token, why); /* no login: nothing of this needs a PIN */
    if (err != ZEGEL_OK)
        return err;
    err = reconcile(&token.z, c->state, key, out, why);
    zegeltoken_close(&token);
    return err;
}

static int run_reconcile(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_token_reconcile;
    struct reconcile_report r = {0};
    struct cmd_options o;
    struct note_key key;
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    if (o.key == NULL || !note_key_parse(bytes_str(o.key), &key))
        return cmd_misuse(cmd, "--key needs the log's public key, as zegel audit key prints it");
    struct config *c = cmd_config(cmd, &o, &code);
    if (c == NULL)
        return code;
    const struct config_token *t = cmd_find_token(c, o.token);
    int err = t == NULL ? ZEGEL_ERR_USAGE : open_and_reconcile(c, t, &key, &r, &why);
    if (t == NULL)
        buf_addf(&why, "--token %s: not in the configuration", o.token);
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(as_json(&r));
    else if (err == ZEGEL_OK)
        print(t->name, &r);
    code = err != ZEGEL_OK ? cmd_fail(cmd, err, buf_cstr(&why)) : json_array_size(r.differences) > 0 ? CMD_NO : CMD_DONE;
    if (err == ZEGEL_ERR_BAD_SIGNATURE || err == ZEGEL_ERR_FORMAT)
        code = CMD_NO;
    json_decref(r.differences);
    buf_free(&why);
    config_free(c);
    return code;
}

const struct cmd cmd_token_reconcile = {"token", "reconcile", run_reconcile, "--key KEY [--token NAME] [--json]",
                                        "Does a Zegel token's own log say what the audit log says?"};
