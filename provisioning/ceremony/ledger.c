#include "ceremony/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "ceremony/tokennote.h"

enum { VALUE_LEN = 128 }; /* plan hash, then hash of the journal's first line */

static const char application[] = "zegel ceremony";

static bool serial_of(const struct tokennote *n, unsigned *serial)
{
    char *end;
    *serial = (unsigned)strtoul(n->label, &end, 10);
    return *end == '\0' && strlen(n->value) == VALUE_LEN;
}

static bool is_run(const struct tokennote *n, const char *plan_hash, const char *open_hash)
{
    return strncmp(n->value, plan_hash, 64) == 0 && strcmp(n->value + 64, open_hash) == 0;
}

/* The last ceremony before this one must be the one that the plan continues. */
static int check_last(const struct tokennote *last, const struct plan *p, const char *previous_plan, struct buf *why)
{
    if (last == NULL ? previous_plan[0] == '\0' : strncmp(last->value, previous_plan, 64) == 0)
        return ZEGEL_OK;
    if (last == NULL)
        buf_addf(why, "token %s: has seen no ceremony, but the plan continues one; is it the right token?", p->token.label);
    else
        buf_addf(why,
                 "token %s: its last ceremony was %lu, and the plan does not continue that; set previous to the hash of its "
                 "manifest.json and give --previous",
                 p->token.label, strtoul(last->label, NULL, 10));
    return ZEGEL_ERR_REFUSED;
}

int ledger_check(struct token *t, const struct plan *p, const char *plan_hash, const char *open_hash, const char *previous_plan,
                 bool *ours, struct buf *why)
{
    struct tokennote *notes;
    const struct tokennote *last = NULL;
    size_t count;
    unsigned serial, last_serial = 0;
    int err = tokennote_read(t, application, &notes, &count, why);
    *ours = false;
    for (size_t i = 0; err == ZEGEL_OK && i < count; i++) {
        const struct tokennote *n = &notes[i];
        if (!serial_of(n, &serial)) {
            buf_addf(why, "token %s: its list of ceremonies cannot be understood: somebody else wrote in it", p->token.label);
            err = ZEGEL_ERR_REFUSED;
        } else if (serial == p->serial && is_run(n, plan_hash, open_hash)) {
            *ours = true;
        } else if (serial >= p->serial) {
            buf_addf(why, "token %s: ceremony %u was held with it already; a plan is used once: prepare one with serial %u",
                     p->token.label, serial, serial + 1);
            err = ZEGEL_ERR_REFUSED;
        } else if (last == NULL || serial > last_serial) {
            last = n;
            last_serial = serial;
        }
    }
    if (err == ZEGEL_OK)
        err = check_last(last, p, previous_plan, why);
    free(notes);
    return err;
}

int ledger_enter(struct token *t, const struct plan *p, const char *plan_hash, const char *open_hash, struct buf *why)
{
    char label[16], value[VALUE_LEN + 1];
    (void)snprintf(label, sizeof label, "%010u", p->serial);
    (void)snprintf(value, sizeof value, "%s%s", plan_hash, open_hash);
    return tokennote_add(t, application, label, value, why);
}
