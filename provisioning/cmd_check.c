#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "check/explain.h"
#include "check/report.h"
#include "canary.h"
#include "cmd.h"
#include "dkim/domain.h"
#include "keylife.h"
#include "left.h"
#include "progress.h"

enum { DEADLINE_MS = 5000 };

/* What one run of the command needs and makes. */
struct run {
    const struct config *config;
    const struct cmd_options *opt;
    const struct text_language *language;
    struct observe *observe;
    struct explain *explain;
    struct cmd_token *tokens; /* one for each of config.tokens, opened when a key of it comes up */
    char **token_faults;      /* why one could not be opened */
    struct keylife *lives;    /* NULL: the audit log could not be read */
    struct buf life_source;   /* evidence: what was read of it */
    json_t *summary;          /* with --all: the worst of each domain, for zegel-status */
    json_t *json;             /* NULL: text */
    struct done {
        struct check_subject subject;
        struct check_key *keys;
        struct check_canary *canary;
        struct check check;
    } * done; /* kept for the page */
    unsigned count;
    unsigned looked_at; /* domains */
    bool failed;        /* a rule did, and is not explained */
};

/* ---- the token's side of a key ---- */

static const char *open_token(struct run *r, unsigned t)
{
    struct buf why = BUF_INIT;
    if (r->opt->no_token)
        return "--no-token";
    if (r->tokens[t].token != NULL || r->token_faults[t] != NULL)
        return r->token_faults[t];
    if (cmd_token_open(r->config, &r->config->tokens[t], &r->tokens[t], &why) != ZEGEL_OK)
        r->token_faults[t] = strdup(buf_cstr(&why));
    buf_free(&why);
    return r->token_faults[t];
}

static void find_key(struct run *r, struct check_key *k)
{
    struct buf why = BUF_INIT;
    struct key found;
    const char *fault = open_token(r, k->key->token);
    int err = fault != NULL ? ZEGEL_ERR_TOKEN_GONE : key_find(r->tokens[k->key->token].token, k->key->key, &found, &why);
    k->gone = err == ZEGEL_ERR_KEY_GONE;
    if (err == ZEGEL_OK && found.spki_len <= sizeof k->spki) {
        memcpy(k->spki, found.spki, found.spki_len);
        k->spki_len = found.spki_len;
    } else {
        k->absent = strdup(fault != NULL ? fault : buf_cstr(&why));
    }
    buf_free(&why);
}

/* ---- one domain ---- */

static void clear(struct done *d)
{
    check_clear(&d->check);
    for (unsigned k = 0; k < d->subject.keys_count; k++)
        free(d->keys[k].absent);
    free(d->keys);
    if (d->canary != NULL)
        buf_free(&d->canary->evidence);
    free(d->canary);
    *d = (struct done){0};
}

static int prepare(struct run *r, const char *domain, const struct config_domain *configured, struct done *d)
{
    *d = (struct done){.subject = {.domain = domain, .sends = configured != NULL}};
    if (configured == NULL)
        return ZEGEL_OK;
    d->keys = calloc(configured->keys_count, sizeof *d->keys);
    if (d->keys == NULL)
        return ZEGEL_ERR_NOMEM;
    d->subject.keys = d->keys;
    d->subject.keys_count = configured->keys_count;
    for (unsigned k = 0; k < configured->keys_count; k++) {
        d->keys[k].key = &configured->keys[k];
        d->keys[k].life = keylife_get(r->lives, configured->domain, configured->keys[k].selector);
        d->keys[k].life_source = buf_cstr(&r->life_source);
        find_key(r, &d->keys[k]);
    }
    if (r->opt->no_canary)
        return ZEGEL_OK;
    d->subject.canary = d->canary = calloc(1, sizeof *d->canary);
    return d->canary == NULL ? ZEGEL_ERR_NOMEM : canary_send(r->config, configured, r->observe, d->canary);
}

static void print(struct run *r, const struct check *c)
{
    struct buf text = BUF_INIT;
    if (r->json != NULL) {
        (void)json_array_append_new(r->json, report_json(c, r->language));
        return;
    }
    report_text(c, r->language, &text);
    progress_hold();
    (void)fwrite(text.data, 1, text.len, stdout);
    progress_go_on();
    buf_free(&text);
}

static int check_one(struct run *r, const char *domain, const struct config_domain *configured)
{
    struct done *more = realloc(r->done, (r->count + 1) * sizeof *more);
    if (more == NULL)
        return ZEGEL_ERR_NOMEM;
    r->done = more;
    struct done *d = &r->done[r->count];
    int err = prepare(r, domain, configured, d);
    if (err == ZEGEL_OK)
        err = check_domain(r->observe, &d->subject, &d->check);
    progress_at(++r->looked_at);
    if (err == ZEGEL_OK) {
        explain_apply(r->explain, &d->check);
        r->failed = r->failed || check_worst(&d->check) == CHECK_FAIL;
        print(r, &d->check);
        json_array_append_new(r->summary,
                              json_pack("{s:s, s:s}", "domain", domain, "worst", check_result_name(check_worst(&d->check))));
    }
    if (err == ZEGEL_OK && r->opt->html != NULL)
        r->count++;
    else
        clear(d);
    return err;
}

static int check_wanted(struct run *r, const char *domain)
{
    const struct config *c = r->config;
    int err = ZEGEL_ERR_NOT_FOUND;
    progress_begin(r->opt, "domains looked at", domain != NULL ? 0 : (uint64_t)c->domains_count + c->check.non_sending_count);
    if (domain != NULL && r->opt->non_sending)
        return check_one(r, domain, NULL);
    for (unsigned d = 0; d < c->domains_count; d++)
        if ((domain == NULL || strcasecmp(domain, c->domains[d].domain) == 0) &&
            (err = check_one(r, c->domains[d].domain, &c->domains[d])) != ZEGEL_OK)
            return err;
    for (unsigned d = 0; d < c->check.non_sending_count; d++)
        if ((domain == NULL || strcasecmp(domain, c->check.non_sending[d]) == 0) &&
            (err = check_one(r, c->check.non_sending[d], NULL)) != ZEGEL_OK)
            return err;
    return err;
}

/* For the status page and Prometheus. */
static void leave_summary(const struct run *r)
{
    json_t *j = json_pack("{s:I, s:O}", "time", (json_int_t)clock_wall_s(), "domains", r->summary);
    left_write(r->config, "check.json", j);
    json_decref(j);
}

/* ---- the page ---- */

static int write_page(const struct run *r, struct buf *why)
{
    struct buf page = BUF_INIT;
    struct check *checks = calloc(r->count + 1, sizeof *checks);
    int err = checks == NULL ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
    for (unsigned i = 0; err == ZEGEL_OK && i < r->count; i++) {
        checks[i] = r->done[i].check;
        checks[i].subject = &r->done[i].subject; /* the array has moved since */
    }
    if (err == ZEGEL_OK)
        report_html(checks, r->count, r->language, clock_wall_s(), &page);
    if (page.failed)
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK)
        err = io_replace_file(r->opt->html, 0644, buf_bytes(&page), why);
    buf_free(&page);
    free(checks);
    return err;
}

/* A resolver that has no answer even for the root is broken, or cut off: that says nothing about any domain. */
static int try_resolver(struct run *r, struct buf *why)
{
    struct observe_answer root = {0};
    int err = observe_resolve(r->observe, ".", LDNS_RR_TYPE_SOA, &root);
    if (err == ZEGEL_OK && root.error != NULL) {
        buf_addf(why, "no DNS: the root cannot be resolved: %s; see dns.resolver and the network", root.error);
        err = ZEGEL_ERR_SYSTEM;
    }
    observe_answer_clear(&root);
    return err;
}

static int start(struct run *r, struct buf *why)
{
    const struct config *c = r->config;
    const char *path = r->opt->explain != NULL ? r->opt->explain : c->check.explain;
    r->tokens = calloc(c->tokens_count, sizeof *r->tokens);
    r->token_faults = calloc(c->tokens_count, sizeof *r->token_faults);
    if (r->tokens == NULL || r->token_faults == NULL)
        return ZEGEL_ERR_NOMEM;
    buf_addf(&r->life_source, "%s/audit: ", c->state);
    if (keylife_read(c, &r->lives, &r->life_source) == ZEGEL_OK)
        buf_add_str(&r->life_source, "first and last signature of each key, as the records say");
    int err = path == NULL ? ZEGEL_OK : explain_load(path, clock_wall_s(), &r->explain, why);
    if (err == ZEGEL_OK)
        err = observe_open(c->dns.resolver, DEADLINE_MS, &r->observe, why);
    return err == ZEGEL_OK ? try_resolver(r, why) : err;
}

static void finish(struct run *r)
{
    for (unsigned i = 0; i < r->count; i++)
        clear(&r->done[i]);
    for (unsigned t = 0; t < r->config->tokens_count; t++) {
        if (r->tokens != NULL)
            cmd_token_close(&r->tokens[t]);
        if (r->token_faults != NULL)
            free(r->token_faults[t]);
    }
    free(r->done);
    free(r->tokens);
    free(r->token_faults);
    keylife_free(r->lives);
    buf_free(&r->life_source);
    explain_free(r->explain);
    observe_close(r->observe);
    json_decref(r->json);
    json_decref(r->summary);
}

static int run(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_check;
    struct cmd_options opt;
    struct buf why = BUF_INIT;
    int code = CMD_DONE;
    if (!cmd_options(argc, argv, cmd, &opt, &code))
        return code;
    const char *domain = opt.all ? NULL : argv[optind];
    struct run r = {.opt = &opt, .language = text_find(opt.lang == NULL ? "en" : opt.lang)};
    if (argc - optind != (opt.all ? 0 : 1))
        return cmd_misuse(cmd, "needs one DOMAIN or --all");
    if (r.language == NULL)
        return cmd_misuse(cmd, "--lang must be en or nl");
    if (domain != NULL && !domain_is_valid(bytes_str(domain)))
        return cmd_misuse(cmd, "DOMAIN is no domain name; write international names as A-labels (xn--)");
    struct config *c = cmd_config(cmd, &opt, &code);
    if (c == NULL)
        return code;
    r.config = c;
    r.json = opt.json ? json_array() : NULL;
    r.summary = opt.all ? json_array() : NULL;
    int err = start(&r, &why);
    if (err == ZEGEL_OK)
        err = check_wanted(&r, domain);
    progress_end();
    if (err == ZEGEL_ERR_NOT_FOUND)
        buf_addf(&why, "%s in %s", domain == NULL ? "no domains" : "no such domain", opt.config);
    if (err == ZEGEL_OK && opt.all)
        leave_summary(&r);
    if (err == ZEGEL_OK && opt.html != NULL)
        err = write_page(&r, &why);
    if (err == ZEGEL_OK && r.json != NULL)
        cmd_print_json(json_incref(r.json));
    code = err != ZEGEL_OK ? cmd_fail(cmd, err, buf_cstr(&why)) : r.failed ? CMD_NO : CMD_DONE;
    finish(&r);
    buf_free(&why);
    config_free(c);
    return code;
}

const struct cmd cmd_check = {
    .name = "check",
    .run = run,
    .usage = "DOMAIN | --all [--non-sending] [--no-token] [--no-canary] [--explain FILE] [--lang en|nl] [--html FILE] [--json]",
    .summary = "do DNS and the keys meet the rules for a domain? with evidence; 1: a rule failed",
};
