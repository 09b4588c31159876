/* zegel rotate run, and what all of zegel rotate share. */
#include "cmd_rotate.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lifecycle/active.h"
#include "lifecycle/round.h"
#include "progress.h"

enum { DEADLINE_MS = 5000 };

/* ---- shared ---- */

static void find_who(char out[80])
{
    const struct passwd *pw = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");
    if (pw == NULL)
        (void)snprintf(out, 80, "uid %u", (unsigned)getuid());
    else
        (void)snprintf(out, 80, "%.32s%s%.32s%s", pw->pw_name, sudo == NULL ? "" : " (sudo by ", sudo == NULL ? "" : sudo,
                       sudo == NULL ? "" : ")");
}

bool rotate_open(struct rotate *r, int argc, char **argv, bool write, int *code)
{
    struct buf why = BUF_INIT;
    if (!cmd_options(argc, argv, r->cmd, &r->opt, code))
        return false;
    if (config_load_inactive(r->opt.config, &r->config, &why) != ZEGEL_OK) {
        *code = cmd_fail(r->cmd, ZEGEL_ERR_CONFIG, buf_cstr(&why));
        buf_free(&why);
        return false;
    }
    find_who(r->who);
    r->json = r->opt.json ? json_array() : NULL;
    r->tokens = calloc(r->config->tokens_count, sizeof *r->tokens);
    r->token_faults = calloc(r->config->tokens_count, sizeof *r->token_faults);
    int err =
        r->tokens == NULL || r->token_faults == NULL ? ZEGEL_ERR_NOMEM : store_open(r->config->state, write, &r->store, &why);
    if (err == ZEGEL_ERR_NOT_FOUND) /* nothing was done yet */
        err = ZEGEL_OK;
    *code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(r->cmd, err, buf_cstr(&why));
    buf_free(&why);
    if (err != ZEGEL_OK)
        rotate_close(r);
    return err == ZEGEL_OK;
}

void rotate_close(struct rotate *r)
{
    for (unsigned t = 0; t < r->config->tokens_count; t++) {
        if (r->tokens != NULL)
            cmd_token_close(&r->tokens[t]);
        if (r->token_faults != NULL)
            buf_free(&r->token_faults[t]);
    }
    free(r->tokens);
    free(r->token_faults);
    store_close(r->store);
    json_decref(r->json);
    config_free(r->config);
}

struct token *rotate_token(void *arg, unsigned index, struct buf *why)
{
    struct rotate *r = arg;
    if (r->tokens[index].token == NULL && r->token_faults[index].len == 0)
        (void)cmd_token_open(r->config, &r->config->tokens[index], &r->tokens[index], &r->token_faults[index]);
    if (r->tokens[index].token == NULL)
        buf_add_str(why, r->token_faults[index].len > 0 ? buf_cstr(&r->token_faults[index]) : "the token cannot be opened");
    return r->tokens[index].token;
}

bool rotate_wanted(const struct rotate *r, const struct config_domain *d)
{
    return d->rotation && (r->opt.domain == NULL || strcasecmp(r->opt.domain, d->domain) == 0);
}

const struct config_domain *rotate_domain(const struct rotate *r, int *code)
{
    for (unsigned i = 0; i < r->config->domains_count; i++)
        if (r->opt.domain != NULL && rotate_wanted(r, &r->config->domains[i]))
            return &r->config->domains[i];
    *code = cmd_misuse(r->cmd, r->opt.domain == NULL ? "needs --domain" : "--domain names no domain with rotation: yes");
    return NULL;
}

void rotate_time(int64_t time_s, char out[32])
{
    time_t t = (time_t)time_s;
    struct tm tm;
    if (time_s == 0 || gmtime_r(&t, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        (void)snprintf(out, 32, "-");
}

/* ---- run ---- */

static void say(void *arg, const char *domain, const char *line)
{
    struct rotate *r = arg;
    if (r->json != NULL) {
        (void)json_array_append_new(r->json, json_pack("{s:s, s:s}", "domain", domain, "line", line));
    } else {
        progress_hold();
        (void)printf("%s: %s\n", domain, line);
        progress_go_on();
    }
}

/* With the server that takes its updates. Without one, all else goes on. */
static int run_one(struct rotate *r, struct round *round, const struct config_domain *d, bool *fault, struct buf *why)
{
    struct update_server server;
    struct buf secret = BUF_INIT, problem = BUF_INIT;
    bool good = cmd_update_server(r->config, d, &server, &secret, &problem) == ZEGEL_OK;
    round->server = good ? &server : NULL;
    round->server_fault = buf_cstr(&problem);
    int err = round_run(round, d, fault, why);
    buf_free(&secret);
    buf_free(&problem);
    return err;
}

static int run_all(struct rotate *r, struct round *round, bool *fault, struct buf *why)
{
    unsigned found = 0;
    unsigned cut_off = 0;
    int err = store_clock(r->store, clock_wall_s(), why);
    if (err == ZEGEL_OK)
        err = store_cut_off(r->store, clock_wall_s(), &cut_off, why);
    if (err == ZEGEL_OK) /* what was decided last, and zegeld may not know */
        err = active_write(r->store, r->config, why);
    for (unsigned i = 0; i < r->config->domains_count && err == ZEGEL_OK; i++) {
        bool one = false;
        if (!rotate_wanted(r, &r->config->domains[i]))
            continue;
        err = run_one(r, round, &r->config->domains[i], &one, why);
        progress_at(++found);
        *fault = *fault || one;
    }
    if (err == ZEGEL_OK && found == 0) {
        buf_addf(why, "no domain with rotation: yes%s%s", r->opt.domain == NULL ? "" : ": ",
                 r->opt.domain == NULL ? "" : r->opt.domain);
        err = ZEGEL_ERR_NOT_FOUND;
    }
    return err;
}

int rotate_run(struct rotate *r)
{
    struct buf why = BUF_INIT;
    struct nodes *nodes = NULL;
    struct round round = {.store = r->store, .config = r->config, .who = r->who, .token = rotate_token, .say = say, .arg = r};
    bool fault = false;
    uint64_t wanted = 0;
    for (unsigned i = 0; i < r->config->domains_count; i++)
        wanted += rotate_wanted(r, &r->config->domains[i]);
    progress_begin(&r->opt, "what is due for each domain", wanted);
    int err = observe_open(r->config->dns.resolver, DEADLINE_MS, &round.observe, &why);
    if (err == ZEGEL_OK)
        err = nodes_read(r->config, &nodes);
    round.nodes = nodes;
    if (err == ZEGEL_OK)
        err = run_all(r, &round, &fault, &why);
    progress_end();
    nodes_free(nodes);
    observe_close(round.observe);
    if (err == ZEGEL_OK && r->json != NULL)
        cmd_print_json(json_incref(r->json));
    int code = err != ZEGEL_OK ? cmd_fail(r->cmd, err, buf_cstr(&why)) : fault ? CMD_FAULT : CMD_DONE;
    buf_free(&why);
    return code;
}

static int run(int argc, char **argv)
{
    struct rotate r = {.cmd = &cmd_rotate_run};
    int code;
    if (!rotate_open(&r, argc, argv, true, &code))
        return code;
    code = rotate_run(&r);
    rotate_close(&r);
    return code;
}

const struct cmd cmd_rotate_run = {
    "rotate", "run", run, "[--domain DOMAIN] [--json]",
    "Do what is due in the life of each key, and say so; for a timer. 3: something stood in the way."};
