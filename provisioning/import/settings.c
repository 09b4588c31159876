#include "import/settings.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/io.h"

enum { SETTINGS_MAX = 4096, INCLUDES_MAX = 5 };

struct reading {
    struct import *im;
    const struct setting_option *table;
    struct settings *out;
    unsigned depth;
    bool include;
};

static const struct setting_option *find(const struct setting_option *table, struct bytes name)
{
    for (; table->name != NULL; table++)
        if (bytes_ieq(name, bytes_str(table->name)))
            return table;
    return NULL;
}

static void add(struct reading *r, const struct setting_option *o, struct bytes value, struct import_place at)
{
    struct setting *more = realloc(r->out->list, (r->out->count + 1) * sizeof *more);
    struct setting s = {
        .option = o, .value = strndup((const char *)value.data, value.len), .file = strdup(at.file), .line = at.line};
    if (more != NULL)
        r->out->list = more;
    if (more == NULL || s.value == NULL || s.file == NULL) {
        free(s.value);
        free(s.file);
        r->im->failed = true;
        return;
    }
    more[r->out->count++] = s;
}

static int read_file(struct reading *r, const char *file, struct buf *why);

static int take(struct reading *r, struct bytes line, struct import_place at, struct buf *why)
{
    size_t gap = 0;
    char name[64];
    while (gap < line.len && !ascii_is_fws(line.data[gap]))
        gap++;
    struct bytes word = bytes_slice(line, 0, gap), value = bytes_trim(bytes_slice(line, gap, line.len));
    const struct setting_option *o = find(r->table, word);
    if (r->include && bytes_ieq(word, BYTES_LIT("Include"))) {
        struct buf path = BUF_INIT;
        buf_add(&path, value);
        int err = read_file(r, buf_cstr(&path), why);
        buf_free(&path);
        return err;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)word.len, (const char *)word.data);
    if (o == NULL)
        import_say(r->im, IMPORT_NOT_CARRIED, at, name, "is no option of %s that we know", r->im->signer);
    else if (o->what == SETTING_READ && value.len == 0)
        import_say(r->im, IMPORT_NOT_CARRIED, at, name, "has no value");
    else if (o->what == SETTING_READ)
        add(r, o, value, at);
    else
        import_say(r->im,
                   o->what == SETTING_LOST ||
                           (o->what == SETTING_LOST_IF_TRUE && value.len > 0 && strchr("tTyY1", value.data[0]) != NULL)
                       ? IMPORT_NOT_CARRIED
                       : IMPORT_NOT_NEEDED,
                   at, name, "%s", o->why);
    return ZEGEL_OK;
}

static int read_file(struct reading *r, const char *file, struct buf *why)
{
    struct buf text = BUF_INIT;
    struct bytes rest;
    int err = ZEGEL_OK;
    if (r->depth == INCLUDES_MAX) {
        buf_addf(why, "%s: included over %d levels deep", file, INCLUDES_MAX);
        return ZEGEL_ERR_CONFIG;
    }
    r->depth++;
    if (io_read_file(file, IMPORT_FILE_MAX, &text, why) != ZEGEL_OK)
        err = ZEGEL_ERR_CONFIG;
    rest = buf_bytes(&text);
    if (err == ZEGEL_OK && bytes_find(rest, '\0') < rest.len) {
        buf_addf(why, "%s: has a NUL octet: it is no text file", file);
        err = ZEGEL_ERR_CONFIG;
    }
    for (unsigned line = 1; err == ZEGEL_OK && rest.len > 0; line++) {
        size_t end = bytes_find(rest, '\n');
        struct bytes one = bytes_slice(rest, 0, end);
        one = bytes_trim(bytes_slice(one, 0, bytes_find(one, '#')));
        rest = bytes_slice(rest, end + 1, rest.len);
        if (one.len > 0 && r->out->count >= SETTINGS_MAX) {
            buf_addf(why, "%s:%u: more than %d settings", file, line, SETTINGS_MAX);
            err = ZEGEL_ERR_CONFIG;
        } else if (one.len > 0) {
            err = take(r, one, (struct import_place){file, line}, why);
        }
    }
    r->depth--;
    buf_free(&text);
    return err;
}

int settings_read(struct import *im, const char *file, const struct setting_option *table, bool include, struct settings *out,
                  struct buf *why)
{
    struct reading r = {.im = im, .table = table, .out = out, .include = include};
    *out = (struct settings){0};
    int err = read_file(&r, file, why);
    for (unsigned i = 0; err == ZEGEL_OK && i < out->count; i++)
        if (settings_get(out, out->list[i].option->name) != &out->list[i])
            import_say(im, IMPORT_NOT_NEEDED, settings_place(&out->list[i]), out->list[i].option->name,
                       "stands there again further down, and that one holds");
    return err;
}

void settings_clear(struct settings *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        free(s->list[i].value);
        free(s->list[i].file);
    }
    free(s->list);
    *s = (struct settings){0};
}

const struct setting *settings_get(const struct settings *s, const char *name)
{
    for (unsigned i = s->count; i > 0; i--)
        if (strcmp(s->list[i - 1].option->name, name) == 0)
            return &s->list[i - 1];
    return NULL;
}

struct import_place settings_place(const struct setting *s)
{
    return (struct import_place){s->file, s->line};
}
