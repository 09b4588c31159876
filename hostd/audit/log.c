#include "audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

enum { CHECKPOINT_EVERY_MS = 1000, CHECKPOINT_EVERY_RECORDS = 1000, PATH_CAP = 4096, READ_SIZE = 1 << 16 };

struct audit {
    char *dir, *origin;
    uint64_t segment_max, keep;
    int fd;
    off_t end;                /* of the last durable line in the records file */
    struct merkle tree, next; /* durable; with the batch */
    struct buf batch;
    uint64_t checkpoint_size; /* records under the last checkpoint that was asked for */
    int64_t checkpoint_ms;    /* when */
};

/* ---- one record ---- */

static void add_hex(struct buf *b, const uint8_t *hash)
{
    char hex[2 * MERKLE_HASH_LEN + 1] = "";
    if (hash != NULL)
        bytes_hex(bytes_of(hash, MERKLE_HASH_LEN), hex);
    buf_add_str(b, hex);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

/* RFC 8259 §7. What is not printable ASCII is escaped: a log is read with terminals. */
static void add_text(struct buf *b, const char *name, struct bytes text)
{
    buf_add_str(b, ",\"");
    buf_add_str(b, name);
    buf_add_str(b, "\":\"");
    for (size_t i = 0; i < text.len;) {
        size_t n = i;
        while (n < text.len && is_plain(text.data[n]))
            n++;
        buf_add(b, bytes_slice(text, i, n));
        if (n < text.len && (text.data[n] == '"' || text.data[n] == '\\'))
            buf_addf(b, "\\%c", text.data[n]);
        else if (n < text.len)
            buf_addf(b, "\\u%04x", (unsigned)text.data[n]);
        i = n + 1;
    }
    buf_add_u8(b, '"');
}

void audit_add(struct audit *a, const struct audit_record *r)
{
    uint8_t leaf[MERKLE_HASH_LEN];
    size_t from = a->batch.len;
    buf_addf(&a->batch, "{\"seq\":%llu,\"time\":%lld", (unsigned long long)a->next.size, (long long)r->time);
    add_text(&a->batch, "d", r->domain);
    add_text(&a->batch, "s", r->selector);
    add_text(&a->batch, "key", r->key);
    add_text(&a->batch, "queue", r->queue_id);
    add_text(&a->batch, "client", r->client);
    buf_add_str(&a->batch, ",\"block\":\"");
    add_hex(&a->batch, r->block_hash);
    buf_add_str(&a->batch, "\",\"bh\":\"");
    add_hex(&a->batch, r->body_hash);
    buf_add_u8(&a->batch, '"');
    add_text(&a->batch, "verdict", bytes_str(r->verdict));
    buf_add_u8(&a->batch, '}');
    if (a->batch.failed || a->batch.len - from > SEGMENT_RECORD_MAX ||
        !merkle_leaf(bytes_slice(buf_bytes(&a->batch), from, a->batch.len), leaf)) {
        a->batch.failed = true;
        return;
    }
    merkle_add(&a->next, leaf);
    buf_add_u8(&a->batch, '\n');
    a->batch.failed = a->batch.failed || a->next.failed;
}

/* ---- the records file ---- */

static bool write_all(int fd, struct bytes b, off_t at)
{
    while (b.len > 0) {
        ssize_t n = pwrite(fd, b.data, b.len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        b = bytes_slice(b, (size_t)n, b.len);
    }
    return true;
}

/* A new, empty records file for what comes behind the tree; the tree file first, so that the records file is never without. */
static int start_segment(struct audit *a, struct buf *why)
{
    char path[PATH_CAP];
    int err = segment_tree_write(a->dir, &a->tree, why);
    if (err != ZEGEL_OK)
        return err;
    int fd = -1;
    if (segment_path(a->dir, "records", a->tree.size, ".jsonl", path, sizeof path))
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || !segment_sync_dir(a->dir)) {
        buf_addf(why, "audit log: %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
            (void)unlink(path); /* the next try makes it anew */
        }
        return ZEGEL_ERR_SYSTEM;
    }
    if (a->fd >= 0)
        (void)close(a->fd);
    a->fd = fd;
    a->end = 0;
    segment_prune(a->dir, a->keep);
    return ZEGEL_OK;
}

int audit_commit(struct audit *a, struct buf *why)
{
    int err = ZEGEL_OK;
    if (a->batch.len == 0 && !a->batch.failed)
        return ZEGEL_OK;
    if (a->batch.failed) {
        buf_add_str(why, "audit log: out of memory");
        err = ZEGEL_ERR_NOMEM;
    } else if (a->end > 0 && (uint64_t)a->end + a->batch.len > a->segment_max) {
        err = start_segment(a, why);
    }
    if (err == ZEGEL_OK && (!write_all(a->fd, buf_bytes(&a->batch), a->end) || fdatasync(a->fd) != 0)) {
        buf_addf(why, "audit log: %s", strerror(errno));
        err = ZEGEL_ERR_SYSTEM;
        if (ftruncate(a->fd, a->end) != 0)
            log_error("audit log: a failed record could not be cut off: %s", strerror(errno));
    }
    if (err == ZEGEL_OK) {
        a->end += (off_t)a->batch.len;
        a->tree = a->next;
    } else {
        a->next = a->tree;
    }
    buf_clear(&a->batch);
    return err;
}

/* Feeds whole lines to the tree. Returns how many octets of `text` they were. */
static size_t feed_lines(struct audit *a, struct bytes text, bool *ok)
{
    size_t used = 0;
    while (used < text.len && *ok) {
        struct bytes rest = bytes_slice(text, used, text.len);
        size_t lf = bytes_find(rest, '\n');
        uint8_t leaf[MERKLE_HASH_LEN];
        if (lf == rest.len)
            break;
        *ok = merkle_leaf(bytes_slice(rest, 0, lf), leaf);
        if (*ok)
            merkle_add(&a->tree, leaf);
        *ok = *ok && !a->tree.failed;
        used += lf + 1;
    }
    return used;
}

/* The tree, from what stands in the last records file. A read may bring less than there is: only at the end of the file, or when
 * a line is longer than any of ours, what is no line is cut off. */
static bool resume(struct audit *a)
{
    uint8_t *room = malloc(READ_SIZE);
    size_t have = 0; /* in room, behind the last whole line */
    bool ok = room != NULL, more = true;
    a->end = 0;
    while (ok && more) {
        ssize_t n = pread(a->fd, room + have, READ_SIZE - have, a->end + (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            ok = false;
            break;
        }
        have += (size_t)n;
        size_t used = feed_lines(a, bytes_of(room, have), &ok);
        a->end += (off_t)used;
        have -= used;
        memmove(room, room + used, have);
        more = n > 0 && have < READ_SIZE;
    }
    if (ok && have > 0) {
        log_warn("audit log: the last %zu octets were never a whole record; cut off", have);
        ok = ftruncate(a->fd, a->end) == 0;
    }
    free(room);
    return ok;
}

static int take_up(struct audit *a, uint64_t first, struct buf *why)
{
    char path[PATH_CAP];
    int err = segment_tree_read(a->dir, first, &a->tree, why);
    if (err != ZEGEL_OK)
        return err;
    if (segment_path(a->dir, "records", first, ".jsonl", path, sizeof path))
        a->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (a->fd >= 0 && resume(a))
        return ZEGEL_OK;
    buf_addf(why, "audit log: %s: %s", path, strerror(errno));
    return ZEGEL_ERR_SYSTEM;
}

int audit_open(const struct audit_config *cfg, struct audit **out, struct buf *why)
{
    uint64_t *firsts = NULL;
    size_t count = 0;
    struct audit *a = calloc(1, sizeof *a);
    *out = NULL;
    if (a == NULL)
        return ZEGEL_ERR_NOMEM;
    a->fd = -1;
    a->segment_max = cfg->segment_max;
    a->keep = cfg->keep;
    a->dir = strdup(cfg->dir);
    a->origin = strdup(cfg->origin);
    int err = a->dir == NULL || a->origin == NULL ? ZEGEL_ERR_NOMEM : segment_list(cfg->dir, &firsts, &count, why);
    merkle_init(&a->tree);
    if (err == ZEGEL_OK)
        err = count > 0 ? take_up(a, firsts[count - 1], why) : start_segment(a, why);
    free(firsts);
    if (err != ZEGEL_OK) {
        audit_close(a);
        return err;
    }
    a->next = a->tree;
    *out = a;
    return ZEGEL_OK;
}

void audit_close(struct audit *a)
{
    if (a == NULL)
        return;
    if (a->fd >= 0)
        (void)close(a->fd);
    buf_free(&a->batch);
    free(a->dir);
    free(a->origin);
    free(a);
}

/* ---- checkpoints ---- */

uint64_t audit_size(const struct audit *a)
{
    return a->tree.size;
}

bool audit_checkpoint_due(const struct audit *a, int64_t now_ms)
{
    uint64_t fresh = a->tree.size - a->checkpoint_size;
    return fresh >= CHECKPOINT_EVERY_RECORDS || (fresh > 0 && now_ms - a->checkpoint_ms >= CHECKPOINT_EVERY_MS);
}

void audit_checkpoint_text(struct audit *a, int64_t now_ms, struct buf *text)
{
    struct checkpoint c = {.size = a->tree.size};
    if (!merkle_root(&a->tree, c.root)) {
        text->failed = true;
        return;
    }
    note_text(a->origin, &c, text);
    a->checkpoint_size = a->tree.size;
    a->checkpoint_ms = now_ms;
}

static int append(const char *dir, const char *name, struct bytes content, struct buf *why)
{
    char path[PATH_CAP];
    struct stat st;
    int fd = -1;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path)
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && write_all(fd, content, st.st_size) && fdatasync(fd) == 0;
    if (!ok)
        buf_addf(why, "audit log: %s: %s", path, strerror(errno));
    if (!ok && fd >= 0 && ftruncate(fd, st.st_size) != 0)
        log_error("audit log: %s: what was half written could not be cut off", path);
    if (fd >= 0)
        (void)close(fd);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

int audit_checkpoint_write(struct audit *a, const struct note_key *k, struct bytes text, const uint8_t sig[NOTE_SIGNATURE_LEN],
                           struct buf *why)
{
    struct buf note = BUF_INIT;
    buf_add(&note, text);
    note_sign(&note, k, sig);
    int err = note.failed ? ZEGEL_ERR_NOMEM : append(a->dir, "checkpoints", buf_bytes(&note), why);
    if (err == ZEGEL_OK)
        err = segment_replace(a->dir, "checkpoint", buf_bytes(&note), why);
    buf_free(&note);
    return err;
}

int audit_side_write(struct audit *a, const char *name, struct bytes content, struct buf *why)
{
    return segment_replace(a->dir, name, content, why);
}

int audit_side_append(struct audit *a, const char *name, struct bytes content, struct buf *why)
{
    return append(a->dir, name, content, why);
}

int audit_side_read(struct audit *a, const char *name, size_t max, struct buf *content, struct buf *why)
{
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/%s", a->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return ZEGEL_ERR_NOT_FOUND;
    if (fd < 0) {
        buf_addf(why, "%s: %s", path, strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    int err = io_read_fd(fd, path, max, content, why);
    (void)close(fd);
    return err;
}
