#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "dns/observe.h"
#include "progress.h"

enum { DEADLINE_MS = 5000 };

static json_t *answer_json(const struct observe_answer *a)
{
    json_t *records = json_array();
    for (unsigned i = 0; i < a->count; i++)
        (void)json_array_append_new(records, json_string(a->records[i]));
    return json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:s?, s:i, s:I, s:o}", "name", a->name, "server", a->server, "error", a->error,
                     "rcode", observe_rcode_name(a->rcode), "dnssec", observe_security_name(a->security), "alias", a->alias,
                     "ttl", (int)a->ttl, "time", (json_int_t)a->time_s, "records", records);
}

static void print_answer(const struct observe_answer *a)
{
    (void)printf("  %-32s ", a->server == NULL ? "resolver" : a->server);
    if (a->error != NULL) {
        (void)printf("%s\n", a->error);
        return;
    }
    (void)printf("%s", observe_rcode_name(a->rcode));
    if (a->security != OBSERVE_UNCHECKED)
        (void)printf(", %s", observe_security_name(a->security));
    (void)printf(", TTL %u", a->ttl);
    if (a->alias != NULL)
        (void)printf(", CNAME %s", a->alias);
    for (unsigned i = 0; i < a->count; i++)
        (void)printf("\n    \"%s\"", a->records[i]);
    (void)printf("%s\n", a->count == 0 && a->alias == NULL ? ", no record" : "");
}

static void show(const struct observe_answer *a, json_t *all)
{
    if (all != NULL)
        (void)json_array_append_new(all, answer_json(a));
    else
        print_answer(a);
}

/* Does this server say what the resolver validated? One that only has the CNAME to it says nothing against it. */
static bool agrees(const struct observe_answer *validated, const struct observe_answer *a)
{
    if (a->error != NULL)
        return false;
    if (a->count == 0 && a->alias != NULL)
        return validated->alias != NULL;
    return a->count == 1 && strcmp(a->records[0], validated->records[0]) == 0;
}

static int observe_selector(struct observe *o, const char *name, json_t *all, bool *same)
{
    struct observe_answer validated = {0};
    struct observe_answers servers = {0};
    int err = observe_resolve(o, name, LDNS_RR_TYPE_TXT, &validated);
    if (err == ZEGEL_OK)
        err = observe_servers(o, name, LDNS_RR_TYPE_TXT, &servers);
    progress_hold();
    if (err == ZEGEL_OK) {
        if (all == NULL)
            (void)printf("%s\n", name);
        show(&validated, all);
        *same = *same && validated.error == NULL && validated.count == 1;
        for (unsigned i = 0; i < servers.count; i++) {
            show(&servers.list[i], all);
            *same = *same && agrees(&validated, &servers.list[i]);
        }
    }
    progress_go_on();
    observe_answer_clear(&validated);
    observe_answers_clear(&servers);
    return err;
}

static int observe_all(const struct config *c, const struct cmd_options *opt, struct observe *o, json_t *all, bool *same)
{
    int err = ZEGEL_ERR_NOT_FOUND;
    uint64_t done = 0;
    for (unsigned d = 0; d < c->domains_count; d++)
        for (unsigned k = 0; k < c->domains[d].keys_count; k++) {
            struct buf name = BUF_INIT;
            if (!cmd_wants_key(opt, &c->domains[d], &c->domains[d].keys[k]))
                continue;
            buf_addf(&name, "%s._domainkey.%s", c->domains[d].keys[k].selector, c->domains[d].domain);
            err = observe_selector(o, buf_cstr(&name), all, same);
            buf_free(&name);
            progress_at(++done);
            if (err != ZEGEL_OK)
                return err;
        }
    return err;
}

static int run(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_dns_observe;
    struct cmd_options opt;
    struct buf why = BUF_INIT;
    struct observe *o = NULL;
    bool same = true;
    int code = CMD_DONE;
    if (!cmd_options(argc, argv, cmd, &opt, &code))
        return code;
    struct config *c = cmd_config(cmd, &opt, &code);
    if (c == NULL)
        return code;
    json_t *all = opt.json ? json_array() : NULL;
    progress_begin(&opt, "names asked for in DNS", cmd_keys_wanted(&opt, c));
    int err = observe_open(c->dns.resolver, DEADLINE_MS, &o, &why);
    if (err == ZEGEL_OK)
        err = observe_all(c, &opt, o, all, &same);
    progress_end();
    if (err == ZEGEL_ERR_NOT_FOUND)
        buf_addf(&why, "no such domain or selector in %s", opt.config);
    if (err != ZEGEL_OK)
        code = cmd_fail(cmd, err, buf_cstr(&why));
    else
        code = same ? CMD_DONE : CMD_NO;
    if (all != NULL && err == ZEGEL_OK)
        cmd_print_json(json_incref(all));
    json_decref(all);
    observe_close(o);
    buf_free(&why);
    config_free(c);
    return code;
}

const struct cmd cmd_dns_observe = {
    .group = "dns",
    .name = "observe",
    .run = run,
    .usage = "[--domain DOMAIN] [--selector SELECTOR] [--json]",
    .summary = "what the resolver, and every authoritative server, says of the configured selectors; 1: not all the same",
};
