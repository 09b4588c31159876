#include "lifecycle/active.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/err.h"
#include "base/io.h"
#include "lifecycle/made.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

/* ---- active.yaml ---- */

static void add_day(const char *name, int64_t t, struct buf *text)
{
    char day[16];
    time_t time = (time_t)t;
    struct tm tm;
    if (t > 0 && gmtime_r(&time, &tm) != NULL && strftime(day, sizeof day, "%Y-%m-%d", &tm) == 10)
        buf_addf(text, ", %s: %s", name, day);
}

/* `g`: its generation. */
static void add_key(const struct config *c, const struct config_domain *d, const struct store_key *k,
                    const struct life_generation *g, struct buf *text)
{
    bool rsa = strncmp(k->algorithm, "rsa", 3) == 0;
    buf_addf(text, "      - {selector: %s, algorithm: %s, key: \"", k->selector, rsa ? "rsa-sha256" : "ed25519-sha256");
    made_uri(c->tokens[d->rotates->token_index].token, d->domain, k, text);
    buf_add_str(text, "\"");
    add_day("since", g->activated_s, text);
    add_day("until", g->activated_s == 0 ? 0 : g->activated_s + d->rotates->seconds[ROTATION_ACTIVE], text);
    buf_add_str(text, "}\n");
}

static int add_domain(struct store *s, const struct config *c, const struct config_domain *d, struct buf *text, struct buf *why)
{
    struct life_domain life;
    struct store_key keys[STORE_KEYS_MAX];
    unsigned count = 0;
    int err = store_load(s, d->domain, &life, why);
    if (err == ZEGEL_OK && life.signing != 0)
        err = store_keys(s, d->domain, life.signing, keys, &count, why);
    if (err == ZEGEL_OK && count > 0)
        buf_addf(text, "  - domain: %s\n    keys:\n", d->domain);
    for (unsigned k = 0; err == ZEGEL_OK && k < count; k++)
        add_key(c, d, &keys[k], life_find(&life, life.signing), text);
    return err;
}

static bool says(const char *path, const struct buf *text)
{
    struct buf is = BUF_INIT, ignored = BUF_INIT;
    bool same = io_read_file(path, FILE_MAX, &is, &ignored) == ZEGEL_OK && bytes_eq(buf_bytes(&is), buf_bytes(text));
    buf_free(&is);
    buf_free(&ignored);
    return same;
}

int active_write(struct store *s, const struct config *c, struct buf *why)
{
    struct buf text = BUF_INIT, path = BUF_INIT;
    unsigned before = 0;
    int err = ZEGEL_OK;
    buf_add_str(&text, "# The keys that sign now. Written by zegel rotate, read by zegeld; not to be edited.\n");
    before = (unsigned)text.len;
    for (unsigned i = 0; i < c->domains_count && err == ZEGEL_OK; i++)
        if (c->domains[i].rotation)
            err = add_domain(s, c, &c->domains[i], &text, why);
    if (text.len == before)
        buf_add_str(&text, "[]\n");
    buf_addf(&path, "%s/" CONFIG_ACTIVE_NAME, c->state);
    if (err == ZEGEL_OK && (text.failed || path.failed))
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK && !says(buf_cstr(&path), &text))
        err = io_replace_file(buf_cstr(&path), 0600, buf_bytes(&text), why);
    buf_free(&text);
    buf_free(&path);
    return err;
}

/* ---- taken ---- */

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

int64_t active_taken(const struct config *c, const char *domain, const struct store_key *keys, unsigned count)
{
    struct buf text = BUF_INIT, path = BUF_INIT, ignored = BUF_INIT;
    int64_t since = 0;
    char name[256], selectors[200];
    long long at;
    buf_addf(&path, "%s/taken", c->state);
    if (io_read_file(buf_cstr(&path), FILE_MAX, &text, &ignored) == ZEGEL_OK) {
        const char *end;
        for (const char *line = buf_cstr(&text); (end = strchr(line, '\n')) != NULL; line = end + 1)
            if (sscanf(line, "%255s %lld %199s", name, &at, selectors) == 3 && strcmp(name, domain) == 0)
                since = same_selectors(selectors, keys, count) && at > 0 ? at : 0;
    }
    buf_free(&text);
    buf_free(&path);
    buf_free(&ignored);
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

static int search_file(struct search *f, const char *path, bool *more, struct buf *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    void *at = MAP_FAILED;
    bool empty = fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 0;
    if (fd >= 0 && !empty)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        (void)close(fd);
    if (at == MAP_FAILED) {
        if (!empty)
            buf_addf(why, "%s: %s", path, strerror(errno));
        return empty ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
    }
    *more = search_lines(f, bytes_of(at, (size_t)st.st_size));
    (void)munmap(at, (size_t)st.st_size);
    return ZEGEL_OK;
}

int64_t active_signed(const struct config *c, const char *domain, const struct store_key *keys, unsigned count, int64_t since_s,
                      int64_t now_s, struct buf *why)
{
    struct search f = {.count = count, .since_s = since_s};
    struct buf dir = BUF_INIT;
    uint64_t *firsts = NULL;
    size_t files = 0;
    bool more = true;
    char path[PATH_MAX];
    for (unsigned k = 0; k < count; k++)
        (void)snprintf(f.patterns[k], sizeof f.patterns[k], ",\"d\":\"%s\",\"s\":\"%s\",", domain, keys[k].selector);
    buf_addf(&dir, "%s/audit", c->state);
    int err =
        access(buf_cstr(&dir), F_OK) != 0 && errno == ENOENT ? ZEGEL_OK : segment_list(buf_cstr(&dir), &firsts, &files, why);
    for (size_t i = files; i-- > 0 && err == ZEGEL_OK && more;)
        err = segment_path(buf_cstr(&dir), "records", firsts[i], ".jsonl", path, sizeof path) ? search_file(&f, path, &more, why)
                                                                                              : ZEGEL_ERR_SYSTEM;
    free(firsts);
    buf_free(&dir);
    return err == ZEGEL_OK ? f.found_s : now_s;
}
