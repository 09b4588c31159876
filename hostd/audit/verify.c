#include "audit/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/segment.h"
#include "base/err.h"
#include "base/io.h"

enum { PATH_CAP = 4096, NOTE_LINES = 5, CHECKPOINTS_MAX = 1 << 30, SEGMENT_MAX = 1 << 30 };

struct walk {
    const char *dir;
    const struct note_key *key;
    audit_each *each;
    void *arg;
    struct merkle tree;
    struct buf notes; /* the checkpoints file */
    size_t notes_at;  /* behind `next` in it */
    size_t note_at;   /* where the last one read begins */
    struct checkpoint next;
    bool has_next;
    struct audit_report *report;
    struct buf *why;
};

static int broken(struct walk *w, int err, const char *what, uint64_t number)
{
    buf_addf(w->why, "%s: %s (record %llu)", w->dir, what, (unsigned long long)number);
    return err;
}

/* Reads the next note; sizes must not fall. */
static int next_note(struct walk *w)
{
    struct bytes rest = bytes_slice(buf_bytes(&w->notes), w->notes_at, w->notes.len);
    struct checkpoint last = w->next;
    size_t len = 0;
    bool had = w->has_next;
    w->has_next = false;
    if (rest.len == 0)
        return ZEGEL_OK;
    for (int line = 0; line < NOTE_LINES; line++) {
        size_t lf = bytes_find(bytes_slice(rest, len, rest.len), '\n');
        if (len + lf >= rest.len)
            return broken(w, ZEGEL_ERR_FORMAT, "checkpoints: ends in the middle of a note", w->tree.size);
        len += lf + 1;
    }
    if (!note_open(bytes_slice(rest, 0, len), w->key, &w->next))
        return broken(w, ZEGEL_ERR_BAD_SIGNATURE, "checkpoints: a note is not of this log and key", w->tree.size);
    if (had && w->next.size < last.size)
        return broken(w, ZEGEL_ERR_FORMAT, "checkpoints: not in order", w->next.size);
    w->note_at = w->notes_at;
    w->notes_at += len;
    w->has_next = true;
    return ZEGEL_OK;
}

/* Compares every checkpoint that was made of just this many records; skips those of archived ones. */
static int compare_checkpoints(struct walk *w)
{
    uint8_t root[MERKLE_HASH_LEN];
    int err = ZEGEL_OK;
    while (err == ZEGEL_OK && w->has_next && w->next.size <= w->tree.size) {
        if (w->next.size == w->tree.size) {
            if (!merkle_root(&w->tree, root))
                return ZEGEL_ERR_NOMEM;
            if (memcmp(root, w->next.root, sizeof root) != 0)
                return broken(w, ZEGEL_ERR_BAD_SIGNATURE, "the records are not those that the checkpoint was signed for",
                              w->next.size);
            w->report->checkpoints++;
            w->report->covered = w->next.size;
        } else if (w->next.size > w->report->first) {
            return broken(w, ZEGEL_ERR_FORMAT, "checkpoints: not in order", w->next.size);
        }
        err = next_note(w);
    }
    return err;
}

static int take_record(struct walk *w, struct bytes record)
{
    char head[48];
    uint8_t leaf[MERKLE_HASH_LEN];
    int n = snprintf(head, sizeof head, "{\"seq\":%llu,\"time\":", (unsigned long long)w->tree.size);
    if (!bytes_has_prefix(record, bytes_of(head, (size_t)n)) || record.data[record.len - 1] != '}')
        return broken(w, ZEGEL_ERR_FORMAT, "a record is missing, out of order or malformed", w->tree.size);
    if (!merkle_leaf(record, leaf))
        return ZEGEL_ERR_NOMEM;
    if (w->each != NULL && !w->each(w->arg, w->tree.size, record))
        return ZEGEL_ERR_REFUSED;
    merkle_add(&w->tree, leaf);
    return w->tree.failed ? ZEGEL_ERR_NOMEM : compare_checkpoints(w);
}

static bool same_tree(const struct merkle *a, const struct merkle *b)
{
    return a->size == b->size && memcmp(a->peaks, b->peaks, (size_t)a->peaks_count * MERKLE_HASH_LEN) == 0;
}

static int take_segment(struct walk *w, uint64_t first, bool oldest)
{
    struct merkle before;
    struct buf text = BUF_INIT;
    char path[PATH_CAP];
    int err = segment_tree_read(w->dir, first, &before, w->why);
    if (err != ZEGEL_OK)
        return err;
    if (oldest) {
        w->tree = before;
        w->report->first = first;
        err = compare_checkpoints(w);
    } else if (!same_tree(&before, &w->tree)) {
        err = broken(w, ZEGEL_ERR_FORMAT, "a records file does not go on where the one before ends", first);
    }
    if (err == ZEGEL_OK && !segment_path(w->dir, "records", first, ".jsonl", path, sizeof path))
        err = ZEGEL_ERR_SYSTEM;
    if (err == ZEGEL_OK)
        err = io_read_file(path, SEGMENT_MAX, &text, w->why);
    struct bytes rest = buf_bytes(&text);
    while (err == ZEGEL_OK && rest.len > 0) {
        size_t lf = bytes_find(rest, '\n');
        if (lf == rest.len || lf == 0)
            err = broken(w, ZEGEL_ERR_FORMAT, "ends in the middle of a record", w->tree.size);
        else
            err = take_record(w, bytes_slice(rest, 0, lf));
        rest = bytes_slice(rest, lf + 1, rest.len);
    }
    buf_free(&text);
    return err;
}

/* The newest checkpoint stands in a file of its own for witnesses; it must be one of the list. */
static int compare_newest(struct walk *w)
{
    struct buf newest = BUF_INIT;
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/checkpoint", w->dir);
    int err = io_read_file(path, NOTE_MAX, &newest, w->why);
    struct bytes last = bytes_slice(buf_bytes(&w->notes), w->note_at, w->notes.len);
    if (err == ZEGEL_OK && !bytes_eq(last, buf_bytes(&newest)))
        err = broken(w, ZEGEL_ERR_FORMAT, "checkpoint is not the last of checkpoints", w->tree.size);
    buf_free(&newest);
    return err;
}

int audit_verify(const char *dir, const struct note_key *key, audit_each *each, void *arg, struct audit_report *out,
                 struct buf *why)
{
    struct walk *w = calloc(1, sizeof *w);
    uint64_t *firsts = NULL;
    size_t count = 0;
    char path[PATH_CAP];
    *out = (struct audit_report){0};
    if (w == NULL)
        return ZEGEL_ERR_NOMEM;
    w->dir = dir;
    w->key = key;
    w->each = each;
    w->arg = arg;
    w->report = out;
    w->why = why;
    (void)snprintf(path, sizeof path, "%s/checkpoints", dir);
    int err = io_read_file(path, CHECKPOINTS_MAX, &w->notes, why);
    if (err == ZEGEL_OK)
        err = next_note(w);
    if (err == ZEGEL_OK)
        err = segment_list(dir, &firsts, &count, why);
    if (err == ZEGEL_OK && count == 0)
        err = broken(w, ZEGEL_ERR_FORMAT, "there are no records", 0);
    for (size_t i = 0; i < count && err == ZEGEL_OK; i++)
        err = take_segment(w, firsts[i], i == 0);
    if (err == ZEGEL_OK && w->has_next)
        err =
            broken(w, ZEGEL_ERR_BAD_SIGNATURE, "records are missing at the end: a checkpoint was signed for more", w->next.size);
    if (err == ZEGEL_OK)
        err = compare_newest(w);
    out->records = w->tree.size;
    free(firsts);
    buf_free(&w->notes);
    free(w);
    return err;
}
