#include "audit/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

enum { PATH_MAX_OURS = 4096, DIGITS = 16 };

bool segment_path(const char *dir, const char *kind, uint64_t first, const char *suffix, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s/%s-%016llu%s", dir, kind, (unsigned long long)first, suffix);
    return n > 0 && (size_t)n < cap;
}

static bool read_first(const char *name, uint64_t *first)
{
    static const char head[] = "records-", tail[] = ".jsonl";
    if (strlen(name) != sizeof head - 1 + DIGITS + sizeof tail - 1 || strncmp(name, head, sizeof head - 1) != 0 ||
        strcmp(name + sizeof head - 1 + DIGITS, tail) != 0)
        return false;
    *first = 0;
    for (const char *p = name + sizeof head - 1; *p != '.'; p++) {
        if (*p < '0' || *p > '9')
            return false;
        *first = *first * 10 + (uint64_t)(*p - '0');
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int segment_list(const char *dir, uint64_t **firsts, size_t *count, struct buf *why)
{
    DIR *d = opendir(dir);
    size_t room = 0;
    *firsts = NULL;
    *count = 0;
    if (d == NULL) {
        buf_addf(why, "%s: %s", dir, strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    int err = ZEGEL_OK;
    for (struct dirent *e = readdir(d); e != NULL && err == ZEGEL_OK; e = readdir(d)) {
        uint64_t first;
        if (!read_first(e->d_name, &first))
            continue;
        if (*count == room) {
            room = room == 0 ? 16 : room * 2;
            uint64_t *more = realloc(*firsts, room * sizeof *more);
            if (more == NULL) {
                err = ZEGEL_ERR_NOMEM;
                break;
            }
            *firsts = more;
        }
        (*firsts)[(*count)++] = first;
    }
    (void)closedir(d);
    if (*count > 1)
        qsort(*firsts, *count, sizeof **firsts, by_number);
    return err;
}

bool segment_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static uint64_t size_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    if (fd >= 0)
        (void)close(fd);
    return size < 0 ? 0 : (uint64_t)size;
}

void segment_prune(const char *dir, uint64_t keep)
{
    uint64_t *firsts = NULL, sum = 0;
    size_t count = 0, stay = 0;
    char path[PATH_MAX_OURS];
    struct buf why = BUF_INIT;
    if (keep == 0 || segment_list(dir, &firsts, &count, &why) != ZEGEL_OK)
        count = 0;
    while (stay < count && segment_path(dir, "records", firsts[count - 1 - stay], ".jsonl", path, sizeof path)) {
        sum += size_of(path);
        if (stay > 0 && sum > keep)
            break;
        stay++;
    }
    for (size_t i = 0; i + stay < count; i++) {
        if (segment_path(dir, "records", firsts[i], ".jsonl", path, sizeof path) && unlink(path) == 0)
            log_info("audit log: %s removed, as audit.keep says", path);
        if (segment_path(dir, "tree", firsts[i], "", path, sizeof path))
            (void)unlink(path);
    }
    free(firsts);
    buf_free(&why);
}

static bool write_whole(const char *path, struct bytes content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && io_write(fd, content) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok;
}

int segment_replace(const char *dir, const char *name, struct bytes content, struct buf *why)
{
    char path[PATH_MAX_OURS], fresh[PATH_MAX_OURS];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path &&
        snprintf(fresh, sizeof fresh, "%s/%s.new", dir, name) < (int)sizeof fresh && write_whole(fresh, content) &&
        rename(fresh, path) == 0 && segment_sync_dir(dir))
        return ZEGEL_OK;
    buf_addf(why, "%s/%s: %s", dir, name, strerror(errno));
    return ZEGEL_ERR_SYSTEM;
}

static void print_tree(const struct merkle *m, struct buf *out)
{
    buf_addf(out, "%llu\n", (unsigned long long)m->size);
    for (unsigned i = 0; i < m->peaks_count; i++) {
        char hex[2 * MERKLE_HASH_LEN + 1];
        bytes_hex(bytes_of(m->peaks[i], MERKLE_HASH_LEN), hex);
        buf_addf(out, "%s\n", hex);
    }
}

int segment_tree_write(const char *dir, const struct merkle *m, struct buf *why)
{
    struct buf text = BUF_INIT;
    char name[40];
    print_tree(m, &text);
    (void)snprintf(name, sizeof name, "tree-%016llu", (unsigned long long)m->size);
    int err = text.failed ? ZEGEL_ERR_NOMEM : segment_replace(dir, name, buf_bytes(&text), why);
    buf_free(&text);
    return err;
}

static bool parse_tree(const char *text, uint64_t first, struct merkle *out)
{
    unsigned long long size;
    int used = 0;
    size_t len;
    merkle_init(out);
    if (sscanf(text, "%llu\n%n", &size, &used) != 1 || size != first)
        return false;
    out->size = size;
    for (uint64_t bits = size; bits != 0; bits &= bits - 1, out->peaks_count++) {
        const char *line = text + used + (size_t)out->peaks_count * (2 * MERKLE_HASH_LEN + 1);
        if (strlen(line) < 2 * MERKLE_HASH_LEN + 1 ||
            !bytes_unhex(bytes_of(line, 2 * MERKLE_HASH_LEN), out->peaks[out->peaks_count], MERKLE_HASH_LEN, &len))
            return false;
    }
    return true;
}

int segment_tree_read(const char *dir, uint64_t first, struct merkle *out, struct buf *why)
{
    struct buf text = BUF_INIT, again = BUF_INIT; /* parse_tree is lenient; only the one right form counts */
    char path[PATH_MAX_OURS];
    int err = segment_path(dir, "tree", first, "", path, sizeof path) ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
    if (err == ZEGEL_OK)
        err = io_read_file(path, 2 * MERKLE_LEVELS_MAX * MERKLE_HASH_LEN + 1000, &text, why);
    if (err == ZEGEL_OK && parse_tree(buf_cstr(&text), first, out))
        print_tree(out, &again);
    if (err == ZEGEL_OK && (again.len == 0 || !bytes_eq(buf_bytes(&again), buf_bytes(&text)))) {
        buf_addf(why, "%s: is not the tree before record %llu", path, (unsigned long long)first);
        err = ZEGEL_ERR_FORMAT;
    }
    buf_free(&text);
    buf_free(&again);
    return err;
}
