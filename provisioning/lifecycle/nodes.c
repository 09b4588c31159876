#include "lifecycle/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/err.h"
#include "base/io.h"

enum {
    FILE_MAX = 64 * 1024 * 1024,
    LINE_MAX_LEN = 511, /* octets of a line of taken; zegeld writes no longer one */
    CHUNK = 64 * 1024,  /* what is read of the audit log at once */
    RECORD_MAX = 64 * 1024,
};

/* One line of a taken file. */
struct line {
    char domain[256], selectors[200];
    int64_t since_s;
};

struct node {
    const char *name; /* of the configuration; "": this host */
    struct line *lines;
    size_t count;
};

struct nodes {
    struct node *list;
    unsigned count;
};

/* STATE/FILE of node `i`: 0 is this host. */
static void add_path(const struct config *c, unsigned i, const char *file, struct buf *path)
{
    if (i == 0)
        buf_addf(path, "%s/%s", c->state, file);
    else
        buf_addf(path, "%s/nodes/%s/%s", c->state, c->nodes[i - 1], file);
}

/* ---- taken ---- */

static int by_domain(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->domain, ((const struct line *)b)->domain);
}

static bool read_line(struct bytes text, struct line *l)
{
    char room[LINE_MAX_LEN + 1];
    long long since;
    if (text.len > LINE_MAX_LEN)
        return false;
    (void)snprintf(room, sizeof room, "%.*s", (int)text.len, (const char *)text.data);
    bool ok = sscanf(room, "%255s %lld %199s", l->domain, &since, l->selectors) == 3 && since > 0;
    l->since_s = ok ? since : 0;
    return ok;
}

/* Another host wrote it: memory is taken for lines that say something only. */
static int read_lines(struct bytes text, struct node *n)
{
    size_t room = 0;
    struct line l;
    while (bytes_find(text, '\n') < text.len) { /* half a line is none */
        if (!read_line(bytes_line(&text), &l))
            continue;
        if (n->count == room) {
            room = room == 0 ? 64 : 2 * room;
            struct line *more = realloc(n->lines, room * sizeof *more);
            if (more == NULL)
                return ZEGEL_ERR_NOMEM;
            n->lines = more;
        }
        n->lines[n->count++] = l;
    }
    if (n->count > 0)
        qsort(n->lines, n->count, sizeof *n->lines, by_domain);
    return ZEGEL_OK;
}

int nodes_read(const struct config *c, struct nodes **out)
{
    struct nodes *n = calloc(1, sizeof *n);
    int err = n != NULL && (n->list = calloc(c->nodes_count + 1, sizeof *n->list)) != NULL ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
    for (unsigned i = 0; err == ZEGEL_OK && i <= c->nodes_count; i++) {
        struct buf text = BUF_INIT, path = BUF_INIT, ignored = BUF_INIT;
        n->list[n->count++].name = i == 0 ? "" : c->nodes[i - 1];
        add_path(c, i, "taken", &path);
        if (io_read_file(buf_cstr(&path), FILE_MAX, &text, &ignored) == ZEGEL_OK)
            err = read_lines(buf_bytes(&text), &n->list[i]);
        buf_free(&text);
        buf_free(&path);
        buf_free(&ignored);
    }
    *out = err == ZEGEL_OK ? n : NULL;
    if (err != ZEGEL_OK)
        nodes_free(n);
    return err;
}

void nodes_free(struct nodes *n)
{
    for (unsigned i = 0; n != NULL && i < n->count; i++)
        free(n->list[i].lines);
    if (n != NULL)
        free(n->list);
    free(n);
}

/* "SELECTOR[,SELECTOR]" of exactly these keys, in any order. */
static bool same_selectors(const char *list, const struct store_key *keys, unsigned count)
{
    unsigned found = 0, listed = 1;
    for (const char *p = list; *p != '\0'; p++)
        listed += *p == ',';
    for (unsigned k = 0; k < count; k++) {
        const char *at = strstr(list, keys[k].selector);
        size_t len = strlen(keys[k].selector);
        found += at != NULL && (at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0');
    }
    return found == count && listed == count;
}

int64_t nodes_taken(const struct nodes *n, const char *domain, const struct store_key *keys, unsigned count, const char **lags)
{
    struct line wanted = {.since_s = 0};
    int64_t since = 0;
    (void)snprintf(wanted.domain, sizeof wanted.domain, "%s", domain);
    for (unsigned i = 0; i < n->count; i++) {
        const struct node *node = &n->list[i];
        const struct line *l = node->count == 0 ? NULL : bsearch(&wanted, node->lines, node->count, sizeof *l, by_domain);
        if (l == NULL || !same_selectors(l->selectors, keys, count)) {
            if (lags != NULL)
                *lags = node->name;
            return 0;
        }
        since = l->since_s > since ? l->since_s : since;
    }
    return since;
}

/* ---- the audit log ---- */

struct search {
    char patterns[STORE_KEYS_MAX][400]; /* what a record of each key has in it */
    unsigned count;
    int64_t since_s, found_s;
};

static int64_t time_of(struct bytes line)
{
    static const char key[] = "\"time\":";
    char digits[24];
    const uint8_t *at = line.len == 0 ? NULL : memmem(line.data, line.len, key, sizeof key - 1);
    if (at == NULL)
        return 0;
    struct bytes rest = bytes_slice(line, (size_t)(at - line.data) + sizeof key - 1, line.len);
    (void)snprintf(digits, sizeof digits, "%.*s", (int)(rest.len < 20 ? rest.len : 20), (const char *)rest.data);
    return strtoll(digits, NULL, 10);
}

/* From the end of a file towards its beginning. False when what is left is too old. */
static bool search_lines(struct search *f, struct bytes text)
{
    while (text.len > 0) {
        text.len -= text.data[text.len - 1] == '\n';
        const uint8_t *before = text.len == 0 ? NULL : memrchr(text.data, '\n', text.len);
        size_t from = before == NULL ? 0 : (size_t)(before - text.data) + 1;
        struct bytes line = bytes_slice(text, from, text.len);
        int64_t at = time_of(line);
        if (at != 0 && at < f->since_s)
            return false;
        for (unsigned k = 0; k < f->count; k++)
            if (line.len > 0 && memmem(line.data, line.len, f->patterns[k], strlen(f->patterns[k])) != NULL) {
                f->found_s = at;
                return false;
            }
        text = bytes_slice(text, 0, from);
    }
    return true;
}

/* The octets from `from` on, `len` of them, as they are now; a file that was cut meanwhile has them no more. */
static bool read_at(int fd, off_t from, size_t len, uint8_t *room)
{
    while (len > 0) {
        ssize_t n = pread(fd, room, len, from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return false;
        room += n;
        from += n;
        len -= (size_t)n;
    }
    return true;
}

/* Chunk by chunk from the end of the file: [chunk][front of the line that the chunk behind it began with]. It is read, not
 * mapped: whoever copies over a copy may cut it short meanwhile. */
static bool search_chunks(struct search *f, int fd, off_t size, uint8_t *room, bool *more)
{
    size_t kept = 0; /* octets of that front, at the beginning of the room */
    while (size > 0 && *more) {
        size_t len = size < CHUNK ? (size_t)size : CHUNK;
        if (kept > RECORD_MAX) {
            errno = EFBIG;
            return false;
        }
        memmove(room + len, room, kept);
        size -= (off_t)len;
        if (!read_at(fd, size, len, room))
            return false;
        struct bytes all = bytes_of(room, len + kept);
        size_t front = size == 0 ? 0 : bytes_find(all, '\n') + 1; /* the line that begins before this chunk, with its LF */
        *more = front >= all.len || search_lines(f, bytes_slice(all, front, all.len));
        kept = front > all.len ? all.len : front;
    }
    return true;
}

static int search_file(struct search *f, const char *path, bool *more, struct buf *why)
{
    struct stat st;
    uint8_t *room = malloc(CHUNK + RECORD_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = room != NULL && fd >= 0 && fstat(fd, &st) == 0 && search_chunks(f, fd, st.st_size, room, more);
    if (!ok)
        buf_addf(why, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    free(room);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

/* In the audit log of one node; a log that is not there has nothing. */
static int search_log(struct search *f, const char *dir, struct buf *why)
{
    uint64_t *firsts = NULL;
    size_t files = 0;
    bool more = true;
    char path[PATH_MAX];
    int err = access(dir, F_OK) != 0 && errno == ENOENT ? ZEGEL_OK : segment_list(dir, &firsts, &files, why);
    for (size_t i = files; i-- > 0 && err == ZEGEL_OK && more;)
        err = segment_path(dir, "records", firsts[i], ".jsonl", path, sizeof path) ? search_file(f, path, &more, why)
                                                                                   : ZEGEL_ERR_SYSTEM;
    free(firsts);
    return err;
}

int64_t nodes_signed(const struct config *c, const char *domain, const struct store_key *keys, unsigned count, int64_t since_s,
                     int64_t now_s, struct buf *why)
{
    struct search f = {.count = count, .since_s = since_s};
    int64_t last = 0;
    int err = ZEGEL_OK;
    for (unsigned k = 0; k < count; k++)
        (void)snprintf(f.patterns[k], sizeof f.patterns[k], ",\"d\":\"%s\",\"s\":\"%s\",", domain, keys[k].selector);
    for (unsigned i = 0; err == ZEGEL_OK && i <= c->nodes_count; i++) {
        struct buf dir = BUF_INIT;
        add_path(c, i, "audit", &dir);
        f.found_s = 0;
        err = search_log(&f, buf_cstr(&dir), why);
        last = f.found_s > last ? f.found_s : last;
        buf_free(&dir);
    }
    return err == ZEGEL_OK ? last : now_s;
}
