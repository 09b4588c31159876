#include "keylife.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/err.h"
#include "lifecycle/store.h"

enum { NAME_MAX_OURS = 253 + 1 + 63, PATH_CAP = 4096, TIME_DIGITS = 18 };

struct entry {
    char name[NAME_MAX_OURS + 1]; /* DOMAIN/SELECTOR */
    struct check_life life;
};

struct keylife {
    struct entry *entries; /* sorted by name */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static struct keylife *new_for(const struct config *c)
{
    struct keylife *l = calloc(1, sizeof *l);
    size_t most = 0;
    for (unsigned d = 0; d < c->domains_count; d++)
        most += c->domains[d].keys_count;
    if (l == NULL || (l->entries = calloc(most + 1, sizeof *l->entries)) == NULL) {
        free(l);
        return NULL;
    }
    for (unsigned d = 0; d < c->domains_count; d++)
        for (unsigned k = 0; k < c->domains[d].keys_count; k++)
            (void)snprintf(l->entries[l->count++].name, NAME_MAX_OURS + 1, "%s/%s", c->domains[d].domain,
                           c->domains[d].keys[k].selector);
    qsort(l->entries, l->count, sizeof *l->entries, compare);
    return l;
}

static struct entry *find(const struct keylife *l, const char *name)
{
    struct entry wanted = {.name = ""};
    (void)snprintf(wanted.name, sizeof wanted.name, "%s", name);
    return l->count == 0 ? NULL : bsearch(&wanted, l->entries, l->count, sizeof wanted, compare);
}

/* Moves *line behind `word`. */
static bool skip(struct bytes *line, const char *word)
{
    struct bytes prefix = bytes_str(word);
    bool there = bytes_has_prefix(*line, prefix);
    if (there)
        *line = bytes_slice(*line, prefix.len, line->len);
    return there;
}

static bool take_number(struct bytes *line, int64_t *out)
{
    size_t n = 0;
    for (*out = 0; n < line->len && n < TIME_DIGITS && line->data[n] >= '0' && line->data[n] <= '9'; n++)
        *out = *out * 10 + line->data[n] - '0';
    *line = bytes_slice(*line, n, line->len);
    return n > 0;
}

/* The text up to the next quote, which domains and selectors never have, nor anything that JSON escapes. */
static struct bytes take_text(struct bytes *line)
{
    size_t end = bytes_find(*line, '"');
    struct bytes text = bytes_slice(*line, 0, end);
    *line = bytes_slice(*line, end + 1, line->len);
    return text;
}

/* One record, as audit_add writes it; what does not begin and end like a signature tells nothing. */
static void read_record(struct keylife *l, struct bytes line)
{
    static const char end[] = "\"verdict\":\"signed\"}";
    char name[NAME_MAX_OURS + 1];
    int64_t number, time;
    if (!bytes_eq(bytes_slice(line, line.len - (line.len < sizeof end - 1 ? 0 : sizeof end - 1), line.len), BYTES_LIT(end)))
        return;
    if (!skip(&line, "{\"seq\":") || !take_number(&line, &number) || !skip(&line, ",\"time\":") || !take_number(&line, &time) ||
        !skip(&line, ",\"d\":\""))
        return;
    struct bytes domain = take_text(&line), selector = skip(&line, ",\"s\":\"") ? take_text(&line) : bytes_of(NULL, 0);
    if (selector.len == 0 || domain.len + selector.len + 1 > NAME_MAX_OURS)
        return;
    (void)snprintf(name, sizeof name, "%.*s/%.*s", (int)domain.len, (const char *)domain.data, (int)selector.len,
                   (const char *)selector.data);
    struct entry *e = find(l, name);
    if (e == NULL)
        return;
    if (e->life.first_signed_s == 0 || time < e->life.first_signed_s)
        e->life.first_signed_s = time;
    if (time > e->life.last_signed_s)
        e->life.last_signed_s = time;
}

static int read_segment(struct keylife *l, const char *path, struct buf *why)
{
    char line[SEGMENT_RECORD_MAX + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        read_record(l, bytes_of(line, strcspn(line, "\n")));
    bool bad = f == NULL || ferror(f);
    if (bad)
        buf_addf(why, "%s: %s", path, strerror(errno));
    if (f != NULL)
        (void)fclose(f);
    else if (fd >= 0)
        (void)close(fd);
    return bad ? ZEGEL_ERR_SYSTEM : ZEGEL_OK;
}

static int read_all(struct keylife *l, const char *dir, struct buf *why)
{
    uint64_t *firsts = NULL, left = KEYLIFE_OCTETS_MAX;
    size_t count = 0;
    char path[PATH_CAP];
    struct stat st;
    int err = segment_list(dir, &firsts, &count, why);
    while (err == ZEGEL_OK && count > 0 && segment_path(dir, "records", firsts[--count], ".jsonl", path, sizeof path)) {
        if (stat(path, &st) != 0 || (uint64_t)st.st_size > left)
            break; /* archived meanwhile, or more than is worth while */
        left -= (uint64_t)st.st_size;
        err = read_segment(l, path, why);
    }
    free(firsts);
    return err;
}

/* ---- what zegel rotate knows ---- */

static void add_rotation(struct keylife *l, struct store *s, const struct config_domain *d, const char *selector)
{
    struct buf ignored = BUF_INIT;
    struct store_life r;
    char name[NAME_MAX_OURS + 1];
    (void)snprintf(name, sizeof name, "%s/%s", d->domain, selector);
    struct entry *e = find(l, name);
    if (e != NULL && store_life(s, d->domain, selector, &r, &ignored) == ZEGEL_OK) {
        e->life.made_s = r.made_s;
        e->life.seen_s = r.seen_s;
        e->life.retired_s = r.retired_s;
        e->life.revoked_s = r.revoked_s;
        e->life.due_s = r.activated_s == 0 ? 0 : r.activated_s + d->rotates->seconds[ROTATION_ACTIVE];
    }
    buf_free(&ignored);
}

/* The store is its owner's alone: for others, and where none is, the log has to do. */
static void read_rotation(struct keylife *l, const struct config *c)
{
    struct buf ignored = BUF_INIT;
    struct store *s;
    if (store_open(c->state, false, &s, &ignored) == ZEGEL_OK)
        for (unsigned d = 0; d < c->domains_count; d++)
            for (unsigned k = 0; c->domains[d].rotation && k < c->domains[d].keys_count; k++)
                add_rotation(l, s, &c->domains[d], c->domains[d].keys[k].selector);
    store_close(s);
    buf_free(&ignored);
}

int keylife_read(const struct config *c, struct keylife **out, struct buf *why)
{
    char dir[PATH_CAP];
    struct stat st;
    *out = new_for(c);
    if (*out == NULL)
        return ZEGEL_ERR_NOMEM;
    read_rotation(*out, c);
    (void)snprintf(dir, sizeof dir, "%s/audit", c->state);
    if (stat(dir, &st) != 0 && errno == ENOENT)
        return ZEGEL_OK;
    int err = read_all(*out, dir, why);
    if (err != ZEGEL_OK) {
        keylife_free(*out);
        *out = NULL;
    }
    return err;
}

void keylife_free(struct keylife *l)
{
    if (l != NULL)
        free(l->entries);
    free(l);
}

struct check_life keylife_get(const struct keylife *l, const char *domain, const char *selector)
{
    char name[NAME_MAX_OURS + 1];
    (void)snprintf(name, sizeof name, "%s/%s", domain, selector);
    static const struct check_life nothing;
    const struct entry *e = l == NULL ? NULL : find(l, name);
    return e == NULL ? nothing : e->life;
}
