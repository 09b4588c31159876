#include "ceremony/standing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "ceremony/tokennote.h"

static const char application[] = "zegel key standing", prefix[] = "standing of "; /* the label of keys is theirs alone */

/* Value of a note: serial, word, key, plan. Sorts by serial. */
struct entry {
    unsigned serial;
    char word[16], spki[CANON_HEX], plan[CANON_HEX];
};

static bool read_entry(const struct tokennote *n, struct entry *e)
{
    int len = 0;
    return strncmp(n->label, prefix, strlen(prefix)) == 0 &&
           sscanf(n->value, "%10u %15s %64s %64s%n", &e->serial, e->word, e->spki, e->plan, &len) == 4 && n->value[len] == '\0' &&
           canon_is_hash(e->spki) && canon_is_hash(e->plan) &&
           (strcmp(e->word, "active") == 0 || strcmp(e->word, "retired") == 0);
}

static int order(const void *a, const void *b)
{
    const struct tokennote *x = a, *y = b;
    int by_label = strcmp(x->label, y->label);
    return by_label != 0 ? by_label : strcmp(x->value, y->value);
}

/* Of notes in order, the last of each label. */
static json_t *latest(const struct tokennote *notes, size_t count, bool *readable)
{
    json_t *all = json_array();
    struct entry e;
    for (size_t i = 0; i < count && *readable; i++) {
        *readable = read_entry(&notes[i], &e);
        if (*readable && (i + 1 == count || strcmp(notes[i].label, notes[i + 1].label) != 0))
            (void)json_array_append_new(all, json_pack("{s:s, s:I, s:s, s:s}", "label", notes[i].label + strlen(prefix), "serial",
                                                       (json_int_t)e.serial, "spki_sha256", e.spki, "standing", e.word));
    }
    return all;
}

int standing_read(struct token *t, json_t **out, struct buf *why)
{
    struct tokennote *notes;
    size_t count;
    bool readable = true;
    *out = NULL;
    int err = tokennote_read(t, application, &notes, &count, why);
    if (err != ZEGEL_OK)
        return err;
    qsort(notes, count, sizeof *notes, order);
    *out = latest(notes, count, &readable);
    free(notes);
    if (readable)
        return ZEGEL_OK;
    json_decref(*out);
    *out = NULL;
    buf_addf(why, "token %s: its notes on %s cannot be understood: somebody else wrote in them", t->cfg.name, application);
    return ZEGEL_ERR_REFUSED;
}

int standing_enter(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, struct buf *why)
{
    struct tokennote *notes;
    struct buf label = BUF_INIT, value = BUF_INIT;
    size_t count;
    bool there = false;
    buf_addf(&label, "%s%s/%s", prefix, k->domain, k->selector);
    buf_addf(&value, "%010u %s %s %s", p->serial, standing_after(p->action), k->spki_sha256, plan_hash);
    int err = tokennote_read(t, application, &notes, &count, why);
    for (size_t i = 0; err == ZEGEL_OK && i < count; i++)
        there = there || (strcmp(notes[i].label, buf_cstr(&label)) == 0 && strcmp(notes[i].value, buf_cstr(&value)) == 0);
    if (err == ZEGEL_OK && !there)
        err = tokennote_add(t, application, buf_cstr(&label), buf_cstr(&value), why);
    free(notes);
    buf_free(&label);
    buf_free(&value);
    return err;
}
