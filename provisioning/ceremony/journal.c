#include "ceremony/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "ceremony/plan.h"
#include "ceremony/store.h"

static const char *text_of(const json_t *entry, const char *name)
{
    const char *s = json_string_value(json_object_get(entry, name));
    return s == NULL ? "" : s;
}

const json_t *journal_find(const json_t *entries, const char *event, const char *step)
{
    for (size_t i = json_array_size(entries); i-- > 0;) {
        const json_t *e = json_array_get(entries, i);
        if (strcmp(text_of(e, "event"), event) == 0 && (step == NULL || strcmp(text_of(e, "step"), step) == 0))
            return e;
    }
    return NULL;
}

/* ---- reading ---- */

static const char *wrong_entry(const json_t *e, const json_t *before, const char *head, int64_t last_s)
{
    static const char *const events[] = {"open", "resume", "intent", "done", "exception", "abandon", "close"};
    const char *event = text_of(e, "event");
    bool known = false;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        known = known || strcmp(events[i], event) == 0;
    if (json_object_size(e) != 6 || !known || !json_is_object(json_object_get(e, "data")))
        return "is no journal entry";
    if (json_integer_value(json_object_get(e, "n")) != (json_int_t)json_array_size(before))
        return "has the wrong number: a line is missing or out of order";
    if (strcmp(text_of(e, "prev"), head) != 0)
        return "does not continue the hash of the line before: a line was changed, dropped or moved";
    if (plan_time(text_of(e, "time")) < last_s)
        return "lies before the line above it in time";
    if (journal_find(before, "close", NULL) != NULL)
        return "stands behind the end of the ceremony";
    if (journal_find(before, "abandon", NULL) != NULL && strcmp(event, "close") != 0)
        return "goes on after the ceremony was abandoned";
    if (strcmp(event, "done") == 0 && journal_find(before, "intent", text_of(e, "step")) == NULL)
        return "says done without having said before what it would do";
    if (strcmp(event, "done") == 0 && journal_find(before, "done", text_of(e, "step")) != NULL)
        return "says done a second time";
    return NULL;
}

int journal_parse(struct bytes text, const char plan_hash[CANON_HEX], json_t **entries, char head[CANON_HEX], size_t *whole,
                  struct buf *why)
{
    int64_t last_s = 0;
    int err = ZEGEL_OK;
    memcpy(head, plan_hash, CANON_HEX);
    *entries = json_array();
    for (*whole = 0; err == ZEGEL_OK;) {
        struct bytes rest = bytes_slice(text, *whole, text.len);
        size_t len = bytes_find(rest, '\n');
        if (len == rest.len)
            break;
        struct bytes line = bytes_slice(rest, 0, len);
        char name[40];
        (void)snprintf(name, sizeof name, JOURNAL_FILE ":%zu", json_array_size(*entries) + 1);
        json_t *e = canon_parse(name, line, why);
        const char *wrong = e == NULL ? NULL : wrong_entry(e, *entries, head, last_s);
        if (wrong != NULL)
            buf_addf(why, "%s: %s; nobody writes in a journal: put back a copy from before, or else prepare a new plan", name,
                     wrong);
        if (e == NULL || wrong != NULL) {
            json_decref(e);
            err = ZEGEL_ERR_FORMAT;
            break;
        }
        canon_hash(line, head);
        last_s = plan_time(text_of(e, "time"));
        (void)json_array_append_new(*entries, e);
        *whole += len + 1;
    }
    return err;
}

/* ---- writing ---- */

static int system_error(const char *dir, const char *what, struct buf *why)
{
    buf_addf(why, "%s/" JOURNAL_FILE ": %s: %s; put that right and run the same command again", dir, what, strerror(errno));
    return ZEGEL_ERR_SYSTEM;
}

static int read_back(const char *dir, const char plan_hash[CANON_HEX], struct journal *j, struct buf *why)
{
    struct buf text = BUF_INIT;
    size_t whole = 0;
    int err = io_read_fd(j->fd, JOURNAL_FILE, STORE_FILE_MAX, &text, why);
    if (err == ZEGEL_OK)
        err = journal_parse(buf_bytes(&text), plan_hash, &j->entries, j->head, &whole, why);
    if (err == ZEGEL_OK && whole < text.len && (ftruncate(j->fd, (off_t)whole) != 0 || fsync(j->fd) != 0))
        err = system_error(dir, "cutting off a half-written line", why);
    size_t n = json_array_size(j->entries);
    if (n > 0)
        j->last_s = plan_time(text_of(json_array_get(j->entries, n - 1), "time"));
    buf_free(&text);
    return err;
}

int journal_open(const char *dir, const char plan_hash[CANON_HEX], struct journal *out, struct buf *why)
{
    struct buf path = BUF_INIT;
    int err = ZEGEL_OK;
    *out = (struct journal){.fd = -1};
    buf_addf(&path, "%s/" JOURNAL_FILE, dir);
    out->fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    buf_free(&path);
    if (out->fd < 0)
        return system_error(dir, "cannot be opened", why);
    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0) {
        buf_addf(why, "%s: another zegel works on this ceremony; let it end first", dir);
        err = ZEGEL_ERR_BUSY;
    }
    if (err == ZEGEL_OK)
        err = read_back(dir, plan_hash, out, why);
    if (err == ZEGEL_OK)
        err = store_sync(dir, why);
    if (err != ZEGEL_OK)
        journal_close(out);
    return err;
}

void journal_close(struct journal *j)
{
    if (j->fd >= 0)
        (void)close(j->fd);
    json_decref(j->entries);
    *j = (struct journal){.fd = -1};
}

/* A line that did not get on disk whole is taken back, so that the journal stays readable on a full disk. */
static int put_line(struct journal *j, struct bytes line, struct buf *why)
{
    off_t end = lseek(j->fd, 0, SEEK_END);
    ssize_t n = end < 0 ? -1 : write(j->fd, line.data, line.len);
    if (n >= 0 && (size_t)n == line.len && fsync(j->fd) == 0)
        return ZEGEL_OK;
    int reason = n >= 0 && (size_t)n < line.len ? ENOSPC : errno;
    if (end >= 0)
        (void)!ftruncate(j->fd, end);
    buf_addf(why, JOURNAL_FILE ": cannot be written: %s; free space, then run the same command again", strerror(reason));
    return ZEGEL_ERR_SYSTEM;
}

int journal_append(struct journal *j, int64_t now_s, const char *event, const char *step, json_t *data, struct buf *why)
{
    char time[21], before[21];
    struct buf line = BUF_INIT;
    plan_time_text(now_s, time);
    plan_time_text(j->last_s, before);
    json_t *e = json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "n", (json_int_t)json_array_size(j->entries), "prev", j->head, "time",
                          time, "event", event, "step", step, "data", data == NULL ? json_object() : data);
    int err = e != NULL && canon_json(e, &line) ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK && now_s < j->last_s) {
        buf_addf(why, "the clock says %s, but the journal was last written at %s: the clock was set back; correct it first", time,
                 before);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK) {
        char hash[CANON_HEX];
        canon_hash(buf_bytes(&line), hash);
        buf_add_u8(&line, '\n');
        err = line.failed ? ZEGEL_ERR_NOMEM : put_line(j, buf_bytes(&line), why);
        if (err == ZEGEL_OK) {
            memcpy(j->head, hash, sizeof j->head);
            j->last_s = now_s;
            (void)json_array_append(j->entries, e);
        }
    }
    json_decref(e);
    buf_free(&line);
    return err;
}
