#include <stdio.h>

#include "base/err.h"
#include "ceremony/journal.h"
#include "ceremony/minutes.h"
#include "ceremony/steps.h"
#include "ceremony/verify_parts.h"

static int check_open(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    const json_t *data = json_object_get(journal_find(v->entries, "open", NULL), "data");
    unsigned opens = 0;
    for (size_t i = 0; i < json_array_size(v->entries); i++) {
        const json_t *e = json_array_get(v->entries, i);
        int64_t s = plan_time(verify_text(e, "time"));
        opens += strcmp(verify_text(e, "event"), "open") == 0;
        if (s < plan_time(p->not_before) || s > plan_time(p->not_after))
            return verify_no(why, "the journal has an entry from outside the plan's window");
        if (opens == 0 && strcmp(verify_text(e, "event"), "exception") != 0)
            return verify_no(why, "the journal has a step before the ceremony was opened");
    }
    if (opens != 1 || json_object_size(data) != 6)
        return verify_no(why, "the journal does not open the ceremony once");
    if (!json_is_false(json_object_get(data, "rehearsal")))
        return verify_no(why, "this was a rehearsal, with a throw-away token");
    if (strcmp(verify_text(data, "tool_sha256"), p->tool_sha256) != 0 ||
        strcmp(verify_text(data, "module_sha256"), p->token.module_sha256) != 0 ||
        strcmp(verify_text(data, "token_serial"), p->token.serial) != 0)
        return verify_no(why, "the ceremony was run with another program, module or token than planned");
    if (json_equal(json_object_get(data, "approvals"), v->signers) != 1)
        return verify_no(why, "the approvals here are not those that the ceremony was begun with");
    return ZEGEL_OK;
}

static bool is_step(const json_t *e)
{
    return strcmp(verify_text(e, "event"), "intent") == 0 || strcmp(verify_text(e, "event"), "done") == 0;
}

/* The next line about a step, from `*at` on, NULL when there is none. */
static const json_t *next_step(const struct verify *v, size_t *at)
{
    while (*at < json_array_size(v->entries)) {
        const json_t *e = json_array_get(v->entries, (*at)++);
        if (is_step(e))
            return e;
    }
    return NULL;
}

/* The steps the plan asks for, each intent then done, in this order and no others; all of them, or up to where it was abandoned.
 */
static int check_order(struct verify *v, struct buf *why)
{
    static const char *const events[] = {"intent", "done"};
    struct step want = {.name = BUF_INIT, .text = BUF_INIT};
    unsigned count = steps_count(v->t.plan), i;
    size_t at = 0;
    int err = ZEGEL_OK;
    for (i = 0; i < 2 * count && err == ZEGEL_OK; i++) {
        const json_t *e = next_step(v, &at);
        if (e == NULL && v->abandoned)
            break;
        steps_get(v->t.plan, i / 2, &want);
        if (strcmp(verify_text(e, "event"), events[i % 2]) != 0 || strcmp(verify_text(e, "step"), buf_cstr(&want.name)) != 0) {
            buf_addf(why, "the journal does not have step '%s' where the plan has it", buf_cstr(&want.name));
            err = ZEGEL_ERR_FORMAT;
        }
    }
    if (err == ZEGEL_OK && next_step(v, &at) != NULL)
        err = verify_no(why, "the journal has a step that the plan does not have");
    buf_addf(v->report, "proved    the journal is whole: %zu entries, %u of %u steps in the planned order\n",
             json_array_size(v->entries), i / 2, count);
    steps_free(&want);
    return err;
}

/* What people wrote down; numbered, and nothing in it that could pass for a line of the report. */
static int check_minutes(struct verify *v, struct buf *why)
{
    char number[16];
    unsigned count = 0;
    for (size_t i = 0; i < json_array_size(v->entries); i++) {
        const json_t *e = json_array_get(v->entries, i), *d = json_object_get(e, "data");
        bool exception = strcmp(verify_text(e, "event"), "exception") == 0;
        if (!exception && strcmp(verify_text(e, "event"), "abandon") != 0)
            continue;
        (void)snprintf(number, sizeof number, "E%u", count + 1);
        count += exception;
        if (strcmp(verify_text(e, "step"), exception ? number : "") != 0 || json_object_size(d) != 3 ||
            !minutes_is_plain(verify_text(d, "text")) || !minutes_is_plain(verify_text(d, "decision")) ||
            !minutes_is_plain(verify_text(d, "agreed")))
            return verify_no(why, "the journal has an exception that is none");
        buf_addf(v->report, "attested  %s at %s: %s; decided: %s; agreed: %s\n", exception ? number : "abandoned",
                 verify_text(e, "time"), verify_text(d, "text"), verify_text(d, "decision"), verify_text(d, "agreed"));
    }
    return ZEGEL_OK;
}

int verify_journal(struct verify *v, struct buf *why)
{
    struct bytes text;
    char head[CANON_HEX];
    size_t whole;
    int err = snapshot_get(&v->t.files, JOURNAL_FILE, &text, why);
    if (err == ZEGEL_OK)
        err = journal_parse(text, v->t.plan_hash, &v->entries, head, &whole, why);
    v->abandoned = journal_find(v->entries, "abandon", NULL) != NULL;
    if (err == ZEGEL_OK)
        err = check_open(v, why);
    if (err == ZEGEL_OK)
        err = check_order(v, why);
    if (err == ZEGEL_OK && (!v->abandoned || verify_done(v, "confirm") != NULL) &&
        strcmp(verify_text(verify_done(v, "confirm"), "plan_sha256"), v->t.plan_hash) != 0)
        err = verify_no(why, "another plan was confirmed");
    if (err == ZEGEL_OK)
        err = check_minutes(v, why);
    return err;
}
