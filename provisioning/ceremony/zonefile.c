#include "ceremony/zonefile.h"

#include <strings.h>

#include "base/err.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes skip_blanks(struct bytes line)
{
    while (line.len > 0 && is_blank(line.data[0]))
        line = bytes_slice(line, 1, line.len);
    return line;
}

/* The next word; `*line` is what follows it. */
static struct bytes word(struct bytes *line)
{
    size_t len = 0;
    *line = skip_blanks(*line);
    while (len < line->len && !is_blank(line->data[len]))
        len++;
    struct bytes w = bytes_slice(*line, 0, len);
    *line = bytes_slice(*line, len, line->len);
    return w;
}

static bool is(struct bytes w, const char *text)
{
    return w.len > 0 && w.len == strlen(text) && strncasecmp((const char *)w.data, text, w.len) == 0;
}

static bool is_number(struct bytes w)
{
    for (size_t i = 0; i < w.len; i++)
        if (w.data[i] < '0' || w.data[i] > '9')
            return false;
    return w.len > 0;
}

/* One string in quotes (RFC 1035 §5.1: \X, \DDD), off the front of `*line`. */
static bool quoted(struct bytes *line, struct buf *text)
{
    size_t at = 1;
    for (; at < line->len && line->data[at] != '"'; at++) {
        unsigned c = line->data[at];
        if (c == '\\' && at + 3 < line->len && is_number(bytes_slice(*line, at + 1, at + 4))) {
            c = (unsigned)(line->data[at + 1] - '0') * 100 + (unsigned)(line->data[at + 2] - '0') * 10 +
                (unsigned)(line->data[at + 3] - '0');
            at += 3;
        } else if (c == '\\' && at + 1 < line->len) {
            c = line->data[++at];
        }
        if (c == 0 || c > 255)
            return false;
        buf_add_u8(text, (uint8_t)c);
    }
    bool closed = at < line->len;
    *line = bytes_slice(*line, at + 1, line->len);
    return closed;
}

/* What stands behind TXT: strings in quotes to the end of the line, or a comment. */
static bool strings(struct bytes line, struct buf *text)
{
    unsigned count = 0;
    for (line = skip_blanks(line); line.len > 0 && line.data[0] != ';'; line = skip_blanks(line), count++)
        if (line.data[0] != '"' || !quoted(&line, text))
            return false;
    return count > 0;
}

/* [TTL] [class] TXT strings; another type is none of ours. */
static bool record(struct bytes rest, json_t *texts)
{
    struct buf text = BUF_INIT;
    struct bytes type = word(&rest);
    while (is_number(type) || is(type, "IN"))
        type = word(&rest);
    bool ok = type.len > 0 && (!is(type, "TXT") || strings(rest, &text));
    if (ok && is(type, "TXT"))
        ok = json_array_append_new(texts, json_stringn((const char *)text.data, text.len)) == 0;
    buf_free(&text);
    return ok;
}

int zonefile_txt(const char *file, struct bytes content, const char *name, json_t *texts, struct buf *why)
{
    for (unsigned number = 1; content.len > 0; number++) {
        size_t end = bytes_find(content, '\n');
        struct bytes line = bytes_slice(content, 0, end);
        content = bytes_slice(content, end + 1, content.len);
        struct bytes owner = line.len > 0 && is_blank(line.data[0]) ? bytes_of(NULL, 0) : word(&line);
        const char *wrong = NULL;
        if (is(owner, name) && !record(line, texts))
            wrong = "is not one TXT record in one line";
        else if (owner.len == 0 && skip_blanks(line).len > 0 && skip_blanks(line).data[0] != ';')
            wrong = "has no name; give each record in one line with its whole name, as dig and kdig print it";
        else if (owner.len > 0 && owner.data[0] != ';' && owner.data[owner.len - 1] != '.')
            wrong = "is not about a whole name, with a dot at its end, as dig and kdig print it";
        if (wrong != NULL) {
            buf_addf(why, "%s:%u: %s", file, number, wrong);
            return ZEGEL_ERR_FORMAT;
        }
    }
    return ZEGEL_OK;
}
