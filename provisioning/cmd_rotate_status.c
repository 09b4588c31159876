/* zegel rotate status and plan: what is, and what will be. */
#include <stdio.h>

#include "base/clock.h"
#include "cmd_rotate.h"
#include "lifecycle/forecast.h"
#include "lifecycle/round.h"

enum { STEP_S = 3600, YEAR_S = 366 * 86400 };

/* ---- status ---- */

static json_t *describe(const struct life_generation *g, const struct life_domain *d, const struct store_key *keys,
                        unsigned count, const char *waits, int64_t until_s)
{
    json_t *selectors = json_array();
    for (unsigned k = 0; k < count; k++)
        (void)json_array_append_new(selectors, json_string(keys[k].selector));
    return json_pack("{s:i, s:o, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:s, s:I}", "number", (int)g->number, "selectors", selectors,
                     "state", life_state_name(g->state), "private_key", life_private_name(g->private_key), "signs",
                     g->number == d->signing, "since", (json_int_t)g->since_s, "seen", (json_int_t)g->seen_s, "activated",
                     (json_int_t)g->activated_s, "retired", (json_int_t)g->retired_s, "waits_for", waits, "until",
                     (json_int_t)until_s);
}

static void print(const struct life_generation *g, const struct life_domain *d, const struct store_key *keys, unsigned count,
                  const char *waits, int64_t until_s)
{
    char since[32], until[32];
    rotate_time(g->since_s, since);
    rotate_time(until_s, until);
    (void)printf("  %u ", g->number);
    for (unsigned k = 0; k < count; k++)
        (void)printf("%s%s", k == 0 ? "" : ",", keys[k].selector);
    (void)printf(": %s%s since %s, private keys %s; waits for %s%s%s\n", life_state_name(g->state),
                 g->number == d->signing ? " (signs)" : "", since, life_private_name(g->private_key), waits,
                 until_s == 0 ? "" : ", until ", until_s == 0 ? "" : until);
}

static int status_generation(struct rotate *r, const char *domain, const struct life_domain *d, const struct life_generation *g,
                             json_t *list, struct buf *why)
{
    struct store_key keys[STORE_KEYS_MAX];
    struct buf waits = BUF_INIT;
    unsigned count;
    int64_t until_s = 0;
    int err = store_keys(r->store, domain, g->number, keys, &count, why);
    if (err == ZEGEL_OK)
        err = store_waits_get(r->store, domain, g->number, &waits, &until_s, why);
    if (err == ZEGEL_OK && list != NULL)
        (void)json_array_append_new(list, describe(g, d, keys, count, buf_cstr(&waits), until_s));
    else if (err == ZEGEL_OK)
        print(g, d, keys, count, waits.len == 0 ? "the next run" : buf_cstr(&waits), until_s);
    buf_free(&waits);
    return err;
}

static int status_domain(struct rotate *r, const char *domain, bool *trouble, struct buf *why)
{
    struct life_domain d;
    struct buf fault = BUF_INIT;
    json_t *list = r->json == NULL ? NULL : json_array();
    int err = store_load(r->store, domain, &d, why);
    if (err == ZEGEL_OK)
        err = store_fault_get(r->store, domain, &fault, why);
    if (err == ZEGEL_OK && list == NULL)
        (void)printf("%s:%s%s%s%s%s\n", domain, d.signing == 0 ? " no key signs yet" : "",
                     d.frozen ? " FROZEN: DNS was changed by somebody else" : "", d.suspended ? " suspended" : "",
                     fault.len > 0 ? " " : "", buf_cstr(&fault));
    for (unsigned i = 0; i < d.count && err == ZEGEL_OK; i++)
        err = status_generation(r, domain, &d, &d.generations[i], list, why);
    if (list != NULL)
        (void)json_array_append_new(r->json, json_pack("{s:s, s:i, s:b, s:b, s:s, s:o}", "domain", domain, "signing",
                                                       (int)d.signing, "frozen", d.frozen, "suspended", d.suspended, "fault",
                                                       buf_cstr(&fault), "generations", list));
    *trouble = *trouble || d.frozen || fault.len > 0 || d.signing == 0;
    buf_free(&fault);
    return err;
}

/* ---- plan ---- */

struct plan {
    struct rotate *rotate;
    const char *domain;
};

static bool is_news(enum life_act a)
{
    return a != LIFE_SAMPLE && a != LIFE_LOSE && a != LIFE_SEND && a != LIFE_CLOSE && a != LIFE_ACCEPT && a != LIFE_PLAN &&
           a != LIFE_WAIT;
}

static void plan_one(void *arg, int64_t time_s, unsigned number, enum life_act act)
{
    const struct plan *p = arg;
    char when[32];
    if (!is_news(act))
        return;
    rotate_time(time_s, when);
    if (p->rotate->json != NULL)
        (void)json_array_append_new(p->rotate->json,
                                    json_pack("{s:s, s:I, s:i, s:s}", "domain", p->domain, "time", (json_int_t)time_s,
                                              "generation", (int)number, "act", life_act_name(act)));
    else
        (void)printf("%s  %-30s %3u  %s\n", when, p->domain, number, life_act_name(act));
}

static int plan_domain(struct rotate *r, const struct config_domain *d, struct buf *why)
{
    struct life_domain life = {0};
    struct life_policy policy = round_policy(d->rotates);
    struct plan p = {.rotate = r, .domain = d->domain};
    int64_t now = clock_wall_s();
    int err = r->store == NULL ? ZEGEL_OK : store_load(r->store, d->domain, &life, why);
    if (err == ZEGEL_OK)
        forecast(&policy, &life, now, now + YEAR_S, STEP_S, plan_one, &p);
    return err;
}

/* ---- both ---- */

static int each(struct rotate *r, bool plan, bool *trouble, struct buf *why)
{
    int err = ZEGEL_OK;
    bool found = false;
    for (unsigned i = 0; i < r->config->domains_count && err == ZEGEL_OK; i++) {
        const struct config_domain *d = &r->config->domains[i];
        if (!rotate_wanted(r, d))
            continue;
        found = true;
        if (plan)
            err = plan_domain(r, d, why);
        else if (r->store != NULL)
            err = status_domain(r, d->domain, trouble, why);
        else
            *trouble = true;
    }
    if (err == ZEGEL_OK && !found) {
        buf_add_str(why, "no such domain with rotation: yes");
        err = ZEGEL_ERR_NOT_FOUND;
    }
    if (err == ZEGEL_OK && !plan && r->store == NULL && r->json == NULL)
        (void)puts("zegel rotate run has not been run yet");
    return err;
}

static int show(int argc, char **argv, const struct cmd *cmd, bool plan)
{
    struct rotate r = {.cmd = cmd};
    struct buf why = BUF_INIT;
    bool trouble = false;
    int code;
    if (!rotate_open(&r, argc, argv, false, &code))
        return code;
    int err = each(&r, plan, &trouble, &why);
    if (err == ZEGEL_OK && r.json != NULL)
        cmd_print_json(json_incref(r.json));
    code = err != ZEGEL_OK ? cmd_fail(cmd, err, buf_cstr(&why)) : trouble ? CMD_NO : CMD_DONE;
    rotate_close(&r);
    buf_free(&why);
    return code;
}

static int run_status(int argc, char **argv)
{
    return show(argc, argv, &cmd_rotate_status, false);
}

static int run_plan(int argc, char **argv)
{
    return show(argc, argv, &cmd_rotate_plan, true);
}

const struct cmd cmd_rotate_status = {"rotate", "status", run_status, "[--domain DOMAIN] [--json]",
                                      "What each key waits for, and until when, as of the last run. 1: somebody has to look."};
const struct cmd cmd_rotate_plan = {"rotate", "plan", run_plan, "[--domain DOMAIN] [--json]",
                                    "What will happen to each domain's keys in the coming year, when all goes well."};
