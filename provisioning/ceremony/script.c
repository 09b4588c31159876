#include "ceremony/script.h"

#include "ceremony/steps.h"

static void tick(struct buf *out, unsigned *n, const char *who, const char *what)
{
    buf_addf(out, "| %u | %s | %s | [ ] | | |\n", ++*n, who, what);
}

static void people(const struct plan *p, struct buf *out)
{
    buf_add_str(out, "## Who is in the room\n\n| role | name | arrived | initials |\n| --- | --- | --- | --- |\n");
    buf_addf(out, "| administrator (operates, never approves) | %s | | |\n", p->administrator.name);
    for (unsigned i = 0; i < p->custodians_count; i++)
        buf_addf(out, "| custodian (%u of %u approve) | %s | | |\n", p->threshold, p->custodians_count, p->custodians[i].name);
    buf_addf(out, "| DNS operator (publishes) | %s | | |\n", p->dns_operator.name);
    buf_addf(out, "| witness (notes exceptions) | %s | | |\n\n", p->witness.name);
}

static void header(const struct transcript *t, struct buf *out)
{
    const struct plan *p = t->plan;
    buf_addf(out, "# Key ceremony %u: %s\n\n%s. Valid %s to %s.\n\n", p->serial, plan_action_name(p->action), p->organisation,
             p->not_before, p->not_after);
    buf_add_str(out, "SHA-256 of the plan:\n\n    ");
    for (int i = 0; i < 64; i += 4)
        buf_addf(out, "%.4s%s", t->plan_hash + i, i == 60 ? "\n\n" : i % 32 == 28 ? "\n    " : " ");
    buf_addf(out, "Token `%s`, serial `%s`.\n\n", p->token.label, p->token.serial);
}

/* Each step of the run, in the words of the screen. */
static void run_steps(const struct plan *p, struct buf *out, unsigned *n)
{
    struct step s = {.name = BUF_INIT, .text = BUF_INIT};
    struct buf text = BUF_INIT;
    for (unsigned i = 0; i < steps_count(p); i++) {
        steps_get(p, i, &s);
        buf_clear(&text);
        buf_addf(&text, "STEP %u of %u: **%s**. ", i + 1, steps_count(p), buf_cstr(&s.name));
        for (const char *c = buf_cstr(&s.text); *c != '\0'; c++)
            buf_add_u8(&text, (uint8_t)(*c == '\n' ? ' ' : *c));
        tick(out, n, s.kind == STEP_CONFIRM ? "all" : "administrator", buf_cstr(&text));
    }
    steps_free(&s);
    buf_free(&text);
}

/* What the policy permits, and people should know before they approve. */
static void warnings(const struct plan *p, struct buf *out)
{
    struct buf text = BUF_INIT;
    plan_warnings(p, &text);
    if (text.len > 0)
        buf_add_str(out, "## To know before you approve\n\n");
    for (const char *c = buf_cstr(&text); *c != '\0';) {
        size_t len = strcspn(c, "\n");
        buf_addf(out, "- %.*s\n", (int)len, c);
        c += len + (c[len] == '\n');
    }
    if (text.len > 0)
        buf_add_u8(out, '\n');
    buf_free(&text);
}

void script_make(const struct transcript *t, struct buf *out)
{
    unsigned n = 0;
    header(t, out);
    warnings(t->plan, out);
    people(t->plan, out);
    buf_add_str(out, "## Steps\n\n| | who | what | done | time (UTC) | initials |\n"
                     "| -- | --------- | ---------------------------------- | --- | ------- | ------- |\n");
    tick(out, &n, "witness", "Compare the clock with another one: UTC");
    tick(out, &n, "custodians", "Compare the plan's SHA-256 with your own copy, aloud");
    for (unsigned i = 0; i < t->plan->custodians_count; i++) {
        struct buf text = BUF_INIT;
        buf_addf(&text, "`zegel ceremony approve DIR --as %s` with the own card", t->plan->custodians[i].name);
        tick(out, &n, t->plan->custodians[i].name, buf_cstr(&text));
        buf_free(&text);
    }
    tick(out, &n, "administrator", "`zegel ceremony run DIR`");
    run_steps(t->plan, out, &n);
    tick(out, &n, "administrator", "`zegel ceremony seal DIR` with the transcript key");
    tick(out, &n, "custodians, witness", "Note the manifest's SHA-256; `zegel ceremony approve DIR --as NAME` signs it");
    tick(out, &n, "DNS operator", "Act on `response.json`; `zegel ceremony approve DIR --as NAME` says that it is done");
    tick(out, &n, "all", "`zegel ceremony verify DIR` on another machine");
    buf_add_str(out,
                "\n## Exceptions\n\n`zegel ceremony exception DIR --text T --decision D --agreed NAMES`, and here by hand:\n\n"
                "| | what happened | decided | who agreed |\n| -- | ------------------ | ------------------ | ---------- |\n| E1 "
                "| | | |\n| E2 | | | |\n| E3 | | | |\n\n"
                "SHA-256 of the manifest, for each to take home: ________________________________\n");
}
