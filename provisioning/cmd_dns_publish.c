/* zegel dns publish and check: the records of the configured keys put into DNS, and looked for there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "dkim/keyrecord.h"
#include "dns/observe.h"
#include "dns/place.h"
#include "dns/update.h"
#include "progress.h"

enum { DEADLINE_MS = 5000, RECORD_TTL = 3600 };

struct publish {
    const struct cmd *cmd;
    const struct config *config;
    struct cmd_options opt;
    struct cmd_token token; /* the one that was opened last */
    unsigned token_index;
    struct observe *observe;
    struct update_server server;
    struct buf secret;
    json_t *all; /* --json */
    bool good;   /* all that was looked at so far */
};

/* What DNS says of a record, in one word and one line. */
struct found {
    const char *status; /* "good", "absent", "different", "lag", "fault" */
    struct buf detail;
};

static int record_of(struct publish *p, const struct config_key *k, char out[DKIM_KEYRECORD_MAX + 1], struct buf *why)
{
    struct out txt = out_of((uint8_t *)out, DKIM_KEYRECORD_MAX);
    struct key key;
    int err = ZEGEL_OK;
    if (p->token.token == NULL || p->token_index != k->token) {
        cmd_token_close(&p->token);
        p->token_index = k->token;
        err = cmd_token_open(p->config, &p->config->tokens[k->token], &p->token, why);
    }
    if (err == ZEGEL_OK)
        err = key_find(p->token.token, k->key, &key, why);
    if (err != ZEGEL_OK)
        return err;
    if (!keyrecord_make_of(bytes_of(key.spki, key.spki_len), &txt)) {
        buf_addf(why, "key %s: its public half cannot be read", k->key);
        err = ZEGEL_ERR_KEY_UNUSABLE;
    }
    out[txt.overflow ? 0 : txt.len] = '\0';
    return err;
}

/* The worst is kept, and of several the first: servers that cannot be asked, then a record that is not ours, then none. */
static void note(struct found *f, const char *status, const struct observe_answer *a, const char *text)
{
    static const char *const order[] = {"good", "absent", "different", "fault"};
    size_t is = 0, was = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        is = strcmp(order[i], status) == 0 ? i : is;
        was = strcmp(order[i], f->status) == 0 ? i : was;
    }
    if (is <= was)
        return;
    f->status = status;
    buf_clear(&f->detail);
    buf_addf(&f->detail, "%s: %s", a->server == NULL ? "resolver" : a->server, text);
}

static bool has(const struct observe_answer *a, const char *record)
{
    return a->error == NULL && a->count == 1 && strcmp(a->records[0], record) == 0;
}

static void judge_answer(struct found *f, const struct observe_answer *a, const char *record, unsigned *have)
{
    if (a->error != NULL)
        note(f, "fault", a, a->error);
    else if (has(a, record))
        ++*have;
    else if (a->count > 0)
        note(f, "different", a, "has another record");
    else if (a->alias == NULL || a->server == NULL) /* one that only has the CNAME says nothing against it */
        note(f, "absent", a, "no record");
}

/* All servers and the validating resolver against `record`. The resolver's own denial may be old news: it is asked with no cache.
 */
static int look(struct observe *o, const char *name, const char *record, struct found *f)
{
    struct observe_answer validated = {0};
    struct observe_answers servers = {0};
    unsigned have = 0;
    *f = (struct found){.status = "good", .detail = BUF_INIT};
    int err = observe_resolve(o, name, LDNS_RR_TYPE_TXT, &validated);
    if (err == ZEGEL_OK)
        err = observe_servers(o, name, LDNS_RR_TYPE_TXT, &servers);
    if (err == ZEGEL_OK) {
        for (unsigned i = 0; i < servers.count; i++)
            judge_answer(f, &servers.list[i], record, &have);
        judge_answer(f, &validated, record, &have);
        if (have > 0 && strcmp(f->status, "absent") == 0)
            f->status = "lag";
        if (strcmp(f->status, "good") == 0)
            buf_addf(&f->detail, "%u servers, %s, TTL %u", servers.count, observe_security_name(validated.security),
                     validated.ttl);
    }
    observe_answer_clear(&validated);
    observe_answers_clear(&servers);
    return err;
}

static void report(struct publish *p, const char *name, const char *status, const char *detail)
{
    if (p->all != NULL) {
        (void)json_array_append_new(p->all, json_pack("{s:s, s:s, s:s}", "name", name, "status", status, "detail", detail));
    } else {
        progress_hold();
        (void)printf("%s: %s (%s)\n", name, status, detail);
        progress_go_on();
    }
}

static int check_one(struct publish *p, const char *name, const char *record, struct buf *why)
{
    struct found f;
    (void)why;
    int err = look(p->observe, name, record, &f);
    if (err == ZEGEL_OK)
        report(p, name, f.status, buf_cstr(&f.detail));
    p->good = p->good && strcmp(f.status, "good") == 0;
    buf_free(&f.detail);
    return err;
}

/* Something is there already: is it what we wanted there? Then somebody, perhaps we before we were cut off, has done it. */
static int publish_one(struct publish *p, const char *name, const char *record, struct buf *why)
{
    struct buf zone = BUF_INIT, target = BUF_INIT;
    struct found f = {.status = "absent", .detail = BUF_INIT};
    int err = place_find(p->observe, name, &zone, &target, why);
    if (err == ZEGEL_OK) {
        struct update_change c = {.zone = buf_cstr(&zone), .name = buf_cstr(&target), .wanted = record, .ttl = RECORD_TTL};
        err = update_send(&p->server, &c, why);
    }
    if (err == ZEGEL_OK) {
        report(p, name, "sent", "the server has it; zegel dns check says when all have");
    } else if (err == ZEGEL_ERR_EXISTS && look(p->observe, name, record, &f) == ZEGEL_OK &&
               (strcmp(f.status, "good") == 0 || strcmp(f.status, "lag") == 0)) {
        buf_clear(why);
        report(p, name, "there already", buf_cstr(&f.detail));
        err = ZEGEL_OK;
    } else if (err == ZEGEL_ERR_EXISTS) {
        buf_addf(why, "; %s: the name has been used for something else: take a new selector", name);
    }
    buf_free(&f.detail);
    buf_free(&zone);
    buf_free(&target);
    return err;
}

static int each_key(struct publish *p, int (*act)(struct publish *, const char *, const char *, struct buf *), struct buf *why)
{
    int err = ZEGEL_ERR_NOT_FOUND;
    uint64_t done = 0;
    for (unsigned d = 0; d < p->config->domains_count; d++)
        for (unsigned k = 0; k < p->config->domains[d].keys_count; k++) {
            const struct config_domain *domain = &p->config->domains[d];
            char record[DKIM_KEYRECORD_MAX + 1];
            struct buf name = BUF_INIT;
            if (!cmd_wants_key(&p->opt, domain, &domain->keys[k]))
                continue;
            buf_addf(&name, "%s._domainkey.%s", domain->keys[k].selector, domain->domain);
            err = act == publish_one ? cmd_update_server(p->config, domain, &p->server, &p->secret, why) : ZEGEL_OK;
            if (err == ZEGEL_OK)
                err = record_of(p, &domain->keys[k], record, why);
            if (err == ZEGEL_OK)
                err = act(p, buf_cstr(&name), record, why);
            buf_free(&name);
            progress_at(++done);
            if (err != ZEGEL_OK)
                return err;
        }
    if (err == ZEGEL_ERR_NOT_FOUND)
        buf_addf(why, "no such domain or selector in %s", p->opt.config);
    return err;
}

static int run(int argc, char **argv, const struct cmd *cmd,
               int (*act)(struct publish *, const char *, const char *, struct buf *))
{
    struct publish p = {.cmd = cmd, .token = {NULL, NULL}, .good = true};
    struct buf why = BUF_INIT;
    int code = CMD_DONE;
    if (!cmd_options(argc, argv, cmd, &p.opt, &code))
        return code;
    struct config *c = cmd_config(cmd, &p.opt, &code);
    if (c == NULL)
        return code;
    p.config = c;
    p.all = p.opt.json ? json_array() : NULL;
    progress_begin(&p.opt, "names asked for in DNS", cmd_keys_wanted(&p.opt, c));
    int err = observe_open(c->dns.resolver, DEADLINE_MS, &p.observe, &why);
    if (err == ZEGEL_OK)
        err = each_key(&p, act, &why);
    progress_end();
    if (err != ZEGEL_OK)
        code = cmd_fail(cmd, err, buf_cstr(&why));
    else
        code = p.good ? CMD_DONE : CMD_NO;
    if (p.all != NULL && err == ZEGEL_OK)
        cmd_print_json(json_incref(p.all));
    json_decref(p.all);
    observe_close(p.observe);
    cmd_token_close(&p.token);
    buf_free(&p.secret);
    buf_free(&why);
    config_free(c);
    return code;
}

static int run_publish(int argc, char **argv)
{
    return run(argc, argv, &cmd_dns_publish, publish_one);
}

static int run_check(int argc, char **argv)
{
    return run(argc, argv, &cmd_dns_check, check_one);
}

const struct cmd cmd_dns_publish = {
    "dns", "publish", run_publish, "[--domain DOMAIN] [--selector SELECTOR] [--json]",
    "Put the TXT records of configured keys into DNS: RFC 2136, TSIG, and only where nothing is yet."};
const struct cmd cmd_dns_check = {"dns", "check", run_check, "[--domain DOMAIN] [--selector SELECTOR] [--json]",
                                  "Does every authoritative server have exactly the records of the keys on the token? 1: no."};
