/* journal: what happened, in order. One line of canonical JSON per event; each holds the hash of the one before, the first the
 * plan's. Every line is on disk before the caller goes on. An action is an `intent` line, the deed, a `done` line. */
#ifndef ZEGEL_CEREMONY_JOURNAL_H
#define ZEGEL_CEREMONY_JOURNAL_H

#include "ceremony/canon.h"

#define JOURNAL_FILE "journal.jsonl"

struct journal {
    int fd; /* -1: read only */
    json_t *entries;
    char head[CANON_HEX]; /* hash of the last line */
    int64_t last_s;
};

/* Check a whole journal: numbers, hashes, times, canonical lines, intents before dones. `entries` is the caller's.
 * `*whole` is how many octets make whole lines (a crash may leave part of one behind). ZEGEL_ERR_FORMAT if anything is off. */
int journal_parse(struct bytes text, const char plan_hash[CANON_HEX], json_t **entries, char head[CANON_HEX], size_t *whole,
                  struct buf *why);
/* Open DIR's journal for appending (locked: one run at a time); made when there is none. A torn last line, never acknowledged
 * to anybody, is cut off. */
int journal_open(const char *dir, const char plan_hash[CANON_HEX], struct journal *out, struct buf *why);
void journal_close(struct journal *j);
/* Appends {event, step, data} and syncs. `data` is taken over, NULL for none. ZEGEL_ERR_REFUSED when `now_s` lies before the
 * last entry. */
int journal_append(struct journal *j, int64_t now_s, const char *event, const char *step, json_t *data, struct buf *why);
/* The last entry of that event and step (step NULL: any), borrowed, or NULL. */
const json_t *journal_find(const json_t *entries, const char *event, const char *step);

#endif
