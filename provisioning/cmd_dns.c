#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "dkim/keyrecord.h"
#include "progress.h"

enum { STRING_MAX = 255 }; /* RFC 1035 §3.3 */

static void print_record(const struct config_domain *d, const struct config_key *k, struct bytes txt)
{
    (void)printf("%s._domainkey.%s. 3600 IN TXT (", k->selector, d->domain);
    for (size_t at = 0; at < txt.len; at += STRING_MAX) {
        struct bytes part = bytes_slice(txt, at, at + STRING_MAX);
        (void)printf(" \"%.*s\"", (int)part.len, (const char *)part.data);
    }
    (void)printf(" )\n");
}

static int record(const struct config_domain *d, const struct config_key *k, struct token *t, json_t *all, bool json,
                  struct buf *why)
{
    uint8_t room[DKIM_KEYRECORD_MAX];
    struct out txt = out_of(room, sizeof room);
    struct key key;
    int err = key_find(t, k->key, &key, why);
    if (err != ZEGEL_OK)
        return err;
    if (!keyrecord_make_of(bytes_of(key.spki, key.spki_len), &txt)) {
        buf_addf(why, "key %s: its public half cannot be read", k->key);
        err = ZEGEL_ERR_KEY_UNUSABLE;
    } else if (json) {
        struct buf name = BUF_INIT;
        buf_addf(&name, "%s._domainkey.%s.", k->selector, d->domain);
        (void)json_array_append_new(
            all, json_pack("{s:s, s:s#}", "name", buf_cstr(&name), "txt", (const char *)txt.data, (int)txt.len));
        buf_free(&name);
    } else {
        progress_hold();
        print_record(d, k, out_bytes(&txt));
        progress_go_on();
    }
    return err;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    struct cmd_token t = {NULL, NULL};
    struct buf why = BUF_INIT;
    unsigned found = 0, token = 0;
    int code, err = ZEGEL_OK;
    if (!cmd_options(argc, argv, &cmd_dns_record, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_dns_record, &o, &code);
    if (c == NULL)
        return code;
    json_t *all = json_array();
    progress_begin(&o, "keys looked up in the token", cmd_keys_wanted(&o, c));
    for (unsigned i = 0; i < c->domains_count; i++) {
        for (unsigned n = 0; n < c->domains[i].keys_count && err == ZEGEL_OK; n++) {
            const struct config_key *k = &c->domains[i].keys[n];
            if (!cmd_wants_key(&o, &c->domains[i], k))
                continue;
            if (t.token == NULL || token != k->token) {
                cmd_token_close(&t);
                token = k->token;
                err = cmd_token_open(c, &c->tokens[token], &t, &why);
            }
            if (err == ZEGEL_OK)
                err = record(&c->domains[i], k, t.token, all, o.json, &why);
            progress_at(++found);
        }
    }
    progress_end();
    if (err == ZEGEL_OK && found == 0) {
        buf_add_str(&why, "no such domain and selector in the configuration");
        err = ZEGEL_ERR_NOT_FOUND;
    }
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(json_incref(all));
    json_decref(all);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_dns_record, err, buf_cstr(&why));
    cmd_token_close(&t);
    config_free(c);
    buf_free(&why);
    return code;
}

const struct cmd cmd_dns_record = {"dns", "record", run, "[--domain D] [--selector S] [--json]",
                                   "The TXT records of configured keys, in zone-file form."};
