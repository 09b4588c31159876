#include "signer/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "dkim/digest.h"

struct audit {
    int fd;
    off_t end;                    /* of the last durable line */
    uint64_t sequence;            /* of the next record */
    uint8_t chain[DKIM_HASH_LEN]; /* of the last durable line */
    uint8_t next_chain[DKIM_HASH_LEN];
    uint64_t next_sequence;
    struct buf batch;
};

static void add_hex(struct buf *b, const uint8_t *hash)
{
    for (size_t i = 0; hash != NULL && i < DKIM_HASH_LEN; i++)
        buf_addf(b, "%02x", hash[i]);
}

/* RFC 8259 §7. What is not printable ASCII is escaped: a log is read with terminals. */
static void add_json(struct buf *b, struct bytes text)
{
    buf_add_u8(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            buf_addf(b, "\\u%04x", (unsigned)c);
        else
            buf_add_u8(b, c);
    }
    buf_add_u8(b, '"');
}

void audit_add(struct audit *a, const struct audit_record *r)
{
    size_t from = a->batch.len;
    buf_addf(&a->batch, "{\"seq\":%llu,\"time\":%lld,\"d\":", (unsigned long long)a->next_sequence, (long long)r->time);
    add_json(&a->batch, r->domain);
    buf_add_str(&a->batch, ",\"s\":");
    add_json(&a->batch, r->selector);
    buf_add_str(&a->batch, ",\"queue\":");
    add_json(&a->batch, r->queue_id);
    buf_add_str(&a->batch, ",\"client\":");
    add_json(&a->batch, r->client);
    buf_add_str(&a->batch, ",\"block\":\"");
    add_hex(&a->batch, r->block_hash);
    buf_add_str(&a->batch, "\",\"bh\":\"");
    add_hex(&a->batch, r->body_hash);
    buf_add_str(&a->batch, "\",\"verdict\":");
    add_json(&a->batch, bytes_str(r->verdict));
    buf_add_str(&a->batch, ",\"prev\":\"");
    add_hex(&a->batch, a->next_chain);
    buf_add_str(&a->batch, "\"}");
    if (!a->batch.failed && !digest_sha256(bytes_slice(buf_bytes(&a->batch), from, a->batch.len), a->next_chain))
        a->batch.failed = true;
    buf_add_u8(&a->batch, '\n');
    a->next_sequence++;
}

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

int audit_commit(struct audit *a, struct buf *why)
{
    int err = ZEGEL_OK;
    if (a->batch.len == 0 && !a->batch.failed)
        return ZEGEL_OK;
    if (a->batch.failed) {
        buf_add_str(why, "audit log: out of memory");
        err = ZEGEL_ERR_NOMEM;
    } else if (!write_all(a->fd, buf_bytes(&a->batch), a->end) || fdatasync(a->fd) != 0) {
        buf_addf(why, "audit log: %s", strerror(errno));
        err = ZEGEL_ERR_SYSTEM;
        if (ftruncate(a->fd, a->end) != 0)
            log_error("audit log: a failed record could not be cut off: %s", strerror(errno));
    }
    if (err == ZEGEL_OK) {
        a->end += (off_t)a->batch.len;
        a->sequence = a->next_sequence;
        memcpy(a->chain, a->next_chain, sizeof a->chain);
    }
    a->next_sequence = a->sequence;
    memcpy(a->next_chain, a->chain, sizeof a->chain);
    buf_clear(&a->batch);
    return err;
}

/* Takes up the chain: the last line's hash and number. Only the tail is read: a line is under 4 KiB. */
static bool resume(struct audit *a, off_t size)
{
    char tail[8192];
    off_t from = size > (off_t)sizeof tail ? size - (off_t)sizeof tail : 0;
    ssize_t n = pread(a->fd, tail, sizeof tail, from);
    if (n < 0)
        return false;
    size_t end = (size_t)n;
    while (end > 0 && tail[end - 1] != '\n')
        end--;
    if (end != (size_t)n)
        log_warn("audit log: %zu octets of a record that was never durable were dropped", (size_t)n - end);
    a->end = from + (off_t)end;
    if (ftruncate(a->fd, a->end) != 0)
        return false;
    if (end == 0)
        return from == 0;
    size_t start = end - 1;
    while (start > 0 && tail[start - 1] != '\n')
        start--;
    unsigned long long sequence = 0;
    tail[end - 1] = '\0';
    if (sscanf(tail + start, "{\"seq\":%llu,", &sequence) != 1)
        return false;
    a->sequence = (uint64_t)sequence + 1;
    return digest_sha256(bytes_of(tail + start, end - 1 - start), a->chain);
}

int audit_open(const char *state, struct audit **out, struct buf *why)
{
    struct buf path = BUF_INIT;
    struct audit *a = calloc(1, sizeof *a);
    struct stat st;
    int err = ZEGEL_ERR_SYSTEM;
    buf_addf(&path, "%s/audit", state);
    if (a == NULL || path.failed) {
        err = ZEGEL_ERR_NOMEM;
        goto out;
    }
    a->fd = -1;
    if (mkdir(buf_cstr(&path), 0700) != 0 && errno != EEXIST) {
        buf_addf(why, "%s: %s", buf_cstr(&path), strerror(errno));
        goto out;
    }
    buf_add_str(&path, "/audit.log");
    a->fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0 || fstat(a->fd, &st) != 0 || !resume(a, st.st_size)) {
        buf_addf(why, "%s: %s", buf_cstr(&path), a->fd < 0 ? strerror(errno) : "its last record cannot be read");
        goto out;
    }
    a->next_sequence = a->sequence;
    memcpy(a->next_chain, a->chain, sizeof a->chain);
    *out = a;
    a = NULL;
    err = ZEGEL_OK;
out:
    if (a != NULL && a->fd >= 0)
        (void)close(a->fd);
    free(a);
    buf_free(&path);
    return err;
}
