#include "ceremony/minutes.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "ceremony/journal.h"

/* Control characters (C0, DEL, C1), and Unicode's directions U+200E-F, U+2028-E, U+2066-9. */
bool minutes_is_plain(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c < ' ' || *c == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) ||
            (c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
            (c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9))
            return false;
    return true;
}

static json_t *words(const struct minutes *m)
{
    const char *all[] = {m->text, m->decision, m->agreed};
    for (size_t i = 0; i < 3; i++)
        if (all[i][0] == '\0' || !minutes_is_plain(all[i]))
            return NULL;
    return json_pack("{s:s, s:s, s:s}", "text", m->text, "decision", m->decision, "agreed", m->agreed);
}

static unsigned count_exceptions(const json_t *entries)
{
    unsigned count = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const char *event = json_string_value(json_object_get(json_array_get(entries, i), "event"));
        count += event != NULL && strcmp(event, "exception") == 0;
    }
    return count;
}

/* The words, and a journal that is still open for them. */
static int begin(const struct transcript *t, const struct minutes *m, struct journal *j, json_t **data, struct buf *why)
{
    *data = words(m);
    if (*data == NULL) {
        buf_add_str(why, "the words are empty, no UTF-8, or more than one line");
        return ZEGEL_ERR_USAGE;
    }
    int err = journal_open(t->dir, t->plan_hash, j, why);
    if (err == ZEGEL_OK && journal_find(j->entries, "close", NULL) != NULL) {
        buf_add_str(why, "the ceremony has ended; write this into the minutes of the next");
        err = ZEGEL_ERR_REFUSED;
    }
    return err;
}

int minutes_exception(const struct transcript *t, const struct minutes *m, struct buf *why)
{
    struct journal j = {.fd = -1};
    char number[16];
    json_t *data;
    int err = begin(t, m, &j, &data, why);
    if (err == ZEGEL_OK) {
        (void)snprintf(number, sizeof number, "E%u", count_exceptions(j.entries) + 1);
        err = journal_append(&j, clock_wall_s(), "exception", number, json_incref(data), why);
    }
    json_decref(data);
    journal_close(&j);
    return err;
}

int minutes_abandon(const struct transcript *t, const struct minutes *m, struct buf *why)
{
    struct journal j = {.fd = -1};
    json_t *data;
    int err = begin(t, m, &j, &data, why);
    if (err == ZEGEL_OK && journal_find(j.entries, "open", NULL) == NULL) {
        buf_add_str(why, "the ceremony has not begun; there is nothing to give up: use another plan");
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && journal_find(j.entries, "abandon", NULL) == NULL)
        err = journal_append(&j, clock_wall_s(), "abandon", "", json_incref(data), why);
    if (err == ZEGEL_OK)
        err = journal_append(&j, clock_wall_s(), "close", "", NULL, why);
    json_decref(data);
    journal_close(&j);
    return err;
}
