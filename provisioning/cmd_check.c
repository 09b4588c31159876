#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "cmd.h"

enum { DEADLINE_MS = 5000 };

static json_t *check_json(const struct check *c)
{
    json_t *findings = json_array();
    for (unsigned i = 0; i < c->count; i++) {
        const struct check_finding *f = &c->findings[i];
        (void)json_array_append_new(findings,
                                    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "rule", f->rule->id, "result",
                                              check_result_name(f->result), "title", f->rule->title, "found", f->text, "evidence",
                                              f->evidence, "source", f->rule->source, "does-not-prove", f->rule->not_proven));
    }
    return json_pack("{s:s, s:s, s:o}", "domain", c->domain->domain, "result", check_result_name(check_worst(c)), "findings",
                     findings);
}

static void print_check(const struct check *c)
{
    (void)printf("%s: %s\n", c->domain->domain, check_result_name(check_worst(c)));
    for (unsigned i = 0; i < c->count; i++) {
        const struct check_finding *f = &c->findings[i];
        (void)printf("  %s  %-14s %s\n", check_result_name(f->result), f->rule->id, f->text);
        if (f->result >= CHECK_WARN)
            (void)printf("        wanted: %s (%s)\n%s", f->rule->title, f->rule->source, f->evidence);
    }
}

static int check_one(struct observe *o, const struct config_domain *d, json_t *all, int *code)
{
    struct check c;
    int err = check_domain(o, d, &c);
    if (err == ZEGEL_OK) {
        if (check_worst(&c) == CHECK_FAIL)
            *code = CMD_NO;
        if (all != NULL)
            (void)json_array_append_new(all, check_json(&c));
        else
            print_check(&c);
    }
    check_clear(&c);
    return err;
}

static int check_wanted(const struct config *c, const char *domain, struct observe *o, json_t *all, int *code)
{
    int err = ZEGEL_ERR_NOT_FOUND;
    for (unsigned d = 0; d < c->domains_count; d++)
        if (domain == NULL || strcasecmp(domain, c->domains[d].domain) == 0) {
            err = check_one(o, &c->domains[d], all, code);
            if (err != ZEGEL_OK)
                break;
        }
    return err;
}

static int run(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_check;
    struct cmd_options opt;
    struct buf why = BUF_INIT;
    struct observe *o = NULL;
    int code = CMD_DONE;
    if (!cmd_options(argc, argv, cmd, &opt, &code))
        return code;
    if (argc - optind != (opt.all ? 0 : 1))
        return cmd_misuse(cmd, "needs one DOMAIN or --all");
    struct config *c = cmd_config(cmd, &opt, &code);
    if (c == NULL)
        return code;
    code = CMD_DONE;
    json_t *all = opt.json ? json_array() : NULL;
    int err = observe_open(c->dns.resolver, DEADLINE_MS, &o, &why);
    if (err == ZEGEL_OK)
        err = check_wanted(c, opt.all ? NULL : argv[optind], o, all, &code);
    if (err == ZEGEL_ERR_NOT_FOUND)
        buf_addf(&why, "no such domain in %s", opt.config);
    if (err != ZEGEL_OK)
        code = cmd_fail(cmd, err, buf_cstr(&why));
    else if (all != NULL)
        cmd_print_json(json_incref(all));
    json_decref(all);
    observe_close(o);
    buf_free(&why);
    config_free(c);
    return code;
}

const struct cmd cmd_check = {
    .name = "check",
    .run = run,
    .usage = "DOMAIN | --all [--json]",
    .summary = "do DNS and the keys of a domain meet the rules? with evidence; 1: a rule failed",
};
