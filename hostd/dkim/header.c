#include "dkim/header.h"

void header_init(struct header *h)
{
    h->count = 0;
    h->text_len = 0;
    h->defects = HEADER_OK;
}

struct bytes header_name(const struct header_field *f)
{
    struct bytes n = f->name;
    while (n.len > 0 && ascii_is_wsp(n.data[n.len - 1]))
        n.len--;
    return n;
}

static unsigned name_defects(struct bytes name)
{
    if (name.len == 0)
        return HEADER_BAD_NAME;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < 33 || name.data[i] > 126 || name.data[i] == ':')
            return HEADER_BAD_NAME;
    return HEADER_OK;
}

/* Copies `value` with every fold as CRLF, and says what is wrong with it. `column` starts behind the colon. */
static unsigned copy_value(struct bytes value, size_t column, struct out *out)
{
    unsigned defects = HEADER_OK;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool crlf = c == '\r' && i + 1 < value.len && value.data[i + 1] == '\n';
        if (c == '\n' || crlf) {
            i += crlf;
            if (i + 1 >= value.len || !ascii_is_wsp(value.data[i + 1]))
                defects |= HEADER_BARE_LF;
            out_add(out, BYTES_LIT("\r\n"));
            column = 0;
            continue;
        }
        if (c == '\r')
            defects |= HEADER_BARE_CR;
        if (c == '\0')
            defects |= HEADER_NUL;
        if (c >= 0x80)
            defects |= HEADER_8BIT;
        if (++column > DKIM_LINE_MAX)
            defects |= HEADER_LONG_LINE;
        out_u8(out, c);
    }
    return defects;
}

void header_add(struct header *h, struct bytes name, struct bytes value)
{
    struct out out = out_of(h->text + h->text_len, sizeof h->text - h->text_len);
    if (h->count == DKIM_HEADER_FIELDS_MAX) {
        h->defects |= HEADER_TOO_MANY;
        return;
    }
    out_add(&out, name);
    unsigned defects = copy_value(value, name.len + 1, &out);
    if (out.overflow) {
        h->defects |= HEADER_TOO_MANY;
        return;
    }
    struct header_field *f = &h->fields[h->count++];
    f->name = bytes_slice(out_bytes(&out), 0, name.len);
    f->value = bytes_slice(out_bytes(&out), name.len, out.len);
    h->text_len += out.len;
    h->defects |= defects | name_defects(header_name(f));
}

/* End of the line that starts at `at`: the index of its LF, or the end of `raw`. */
static size_t line_end(struct bytes raw, size_t at)
{
    return at + bytes_find(bytes_slice(raw, at, raw.len), '\n');
}

static bool is_empty_line(struct bytes raw, size_t at)
{
    return at < raw.len && (raw.data[at] == '\n' || (raw.data[at] == '\r' && at + 1 < raw.len && raw.data[at + 1] == '\n'));
}

static struct bytes without_line_break(struct bytes line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

size_t header_parse(struct header *h, struct bytes raw)
{
    size_t at = 0;
    while (at < raw.len) {
        if (is_empty_line(raw, at))
            return line_end(raw, at) + 1;
        size_t end = line_end(raw, at);
        while (end + 1 < raw.len && ascii_is_wsp(raw.data[end + 1]))
            end = line_end(raw, end + 1);
        size_t next = end < raw.len ? end + 1 : end;
        struct bytes field = without_line_break(bytes_slice(raw, at, next));
        size_t colon = bytes_find(field, ':');
        if (colon == field.len)
            h->defects |= HEADER_NO_COLON;
        else
            header_add(h, bytes_slice(field, 0, colon), bytes_slice(field, colon + 1, field.len));
        at = next;
    }
    return at;
}

size_t header_count(const struct header *h, struct bytes name)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += bytes_ieq(header_name(&h->fields[i]), name);
    return n;
}

size_t header_find_above(const struct header *h, struct bytes name, size_t below)
{
    for (size_t i = below; i-- > 0;)
        if (bytes_ieq(header_name(&h->fields[i]), name))
            return i;
    return below;
}
