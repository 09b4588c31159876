#include "import/dataset.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/io.h"

static char *text_of(struct bytes s)
{
    return strndup(s.len == 0 ? "" : (const char *)s.data, s.len);
}

static bool add(struct import *im, struct dataset *d, struct bytes key, struct bytes value, unsigned line)
{
    struct dataset_entry *more = d->count % 256 != 0 ? d->entries : realloc(d->entries, (d->count + 256) * sizeof *more);
    if (more != NULL)
        d->entries = more;
    struct dataset_entry e = {.key = text_of(key), .value = text_of(value), .line = line};
    if (more == NULL || e.key == NULL || e.value == NULL) {
        free(e.key);
        free(e.value);
        im->failed = true;
        return false;
    }
    d->entries[d->count++] = e;
    return true;
}

/* "key value", behind # nothing counts. False: there are more than we read. */
static bool read_lines(struct import *im, struct dataset *d, struct bytes text)
{
    for (unsigned number = 1; text.len > 0; number++) {
        size_t end = bytes_find(text, '\n'), gap = 0;
        struct bytes line = bytes_slice(text, 0, end);
        line = bytes_trim(bytes_slice(line, 0, bytes_find(line, '#')));
        text = bytes_slice(text, end + 1, text.len);
        while (gap < line.len && !ascii_is_fws(line.data[gap]))
            gap++;
        if (line.len > 0 && (d->count == IMPORT_LINES_MAX ||
                             !add(im, d, bytes_slice(line, 0, gap), bytes_trim(bytes_slice(line, gap, line.len)), number)))
            return false;
    }
    return true;
}

/* "a, b=c" */
static void read_list(struct import *im, struct dataset *d, struct bytes list, unsigned line)
{
    while (list.len > 0) {
        size_t comma = bytes_find(list, ',');
        struct bytes one = bytes_trim(bytes_slice(list, 0, comma));
        size_t equals = bytes_find(one, '=');
        list = bytes_slice(list, comma + 1, list.len);
        if (one.len > 0 &&
            !add(im, d, bytes_trim(bytes_slice(one, 0, equals)), bytes_trim(bytes_slice(one, equals + 1, one.len)), line))
            return;
    }
}

static bool read_table(struct import *im, const char *path, const char *base, struct import_place at, const char *what,
                       struct dataset *d)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    bool good = false;
    if (path[0] != '/' && base == NULL) {
        import_say(im, IMPORT_NOT_CARRIED, at, what, "%s is a relative path: from where %s was started is not known", path,
                   im->signer);
        return false;
    }
    free(d->file);
    if (asprintf(&d->file, "%s%s%s", path[0] == '/' ? "" : base, path[0] == '/' ? "" : "/", path) < 0) {
        d->file = NULL;
        im->failed = true;
    } else if (io_read_file(d->file, IMPORT_FILE_MAX, &text, &why) != ZEGEL_OK) {
        import_say(im, IMPORT_NOT_CARRIED, at, what, "cannot be read: %s", buf_cstr(&why));
    } else if (bytes_find(buf_bytes(&text), '\0') < text.len) {
        import_say(im, IMPORT_NOT_CARRIED, at, what, "%s has a NUL octet: it is no text file", d->file);
    } else {
        good = read_lines(im, d, buf_bytes(&text));
    }
    if (!good && d->count == IMPORT_LINES_MAX)
        import_say(im, IMPORT_NOT_CARRIED, at, what, "%s has more than %d entries", d->file, IMPORT_LINES_MAX);
    buf_free(&text);
    buf_free(&why);
    return good;
}

/* What is behind the prefix, or NULL. */
static const char *behind(const char *spec, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncasecmp(spec, prefix, n) == 0 ? spec + n : NULL;
}

bool dataset_read(struct import *im, const char *spec, const char *base, struct import_place at, const char *what,
                  struct dataset *out)
{
    static const char *const databases[] = {
        "db:", "dsn:", "ldap:", "ldaps:", "ldapi:", "lua:", "memcache:", "erlang:", "repute:", "socket:", "mdb:"};
    const char *path = behind(spec, "file:"), *pattern = behind(spec, "refile:"), *list = behind(spec, "csl:");
    *out = (struct dataset){0};
    for (size_t i = 0; i < sizeof databases / sizeof databases[0]; i++)
        if (behind(spec, databases[i]) != NULL) {
            import_say(im, IMPORT_NOT_CARRIED, at, what, "%.*s: export it into a file first, and name that here",
                       (int)strcspn(spec, ":"), spec);
            return false;
        }
    if (path == NULL && pattern == NULL && list == NULL &&
        (spec[0] == '/' || strncmp(spec, "./", 2) == 0 || strncmp(spec, "../", 3) == 0))
        path = spec;
    *out = (struct dataset){.patterns = pattern != NULL, .file = strdup(at.file)};
    if (path != NULL || pattern != NULL) {
        bool good = read_table(im, path != NULL ? path : pattern, base, at, what, out);
        if (!good)
            dataset_clear(out);
        return good;
    }
    read_list(im, out, bytes_str(list != NULL ? list : spec), at.line);
    return true;
}

void dataset_clear(struct dataset *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->entries[i].key);
        free(d->entries[i].value);
    }
    free(d->entries);
    free(d->file);
    *d = (struct dataset){0};
}
