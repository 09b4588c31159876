#include "front/message.h"

/* ---- edits ---- */

/* `what` in front of all that is there. */
static void prepend(struct buf *b, struct bytes what)
{
    size_t old = b->len;
    buf_add(b, what);
    if (b->failed)
        return;
    memmove(b->data + what.len, b->data, old);
    memcpy(b->data, what.data, what.len);
}

/* One field and no more: RFC 5322 §2.2, with folds as LF. */
static bool is_one_field(struct bytes name, struct bytes value)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == ':')
            return false;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == '\0' || c == '\r' || (c == '\n' && (i + 1 == value.len || !ascii_is_wsp(value.data[i + 1]))))
            return false;
    }
    return name.len > 0;
}

bool edits_add(struct edits *e, struct bytes name, struct bytes value)
{
    struct buf field = BUF_INIT;
    if (!is_one_field(name, value) || e->added.len + name.len + value.len > MESSAGE_EDITS_MAX)
        return false;
    buf_add(&field, name);
    buf_add_str(&field, ":");
    buf_add(&field, value);
    buf_add_str(&field, "\n");
    if (!field.failed)
        prepend(&e->added, buf_bytes(&field));
    bool ok = !field.failed && !e->added.failed;
    buf_free(&field);
    e->count_added += ok;
    return ok;
}

static uint32_t number_at(const struct edits *e, size_t i)
{
    uint32_t n;
    memcpy(&n, e->removed.data + i * sizeof n, sizeof n);
    return n;
}

bool edits_remove(struct edits *e, struct bytes name, uint32_t number)
{
    size_t count = e->removed.len / sizeof number;
    bool first = count == 0;
    if (number == 0 || name.len == 0 || name.len >= sizeof e->name || count >= MESSAGE_EDITS_MAX)
        return false;
    if (first)
        memcpy(e->name, name.data, name.len);
    else if (!bytes_ieq(name, bytes_str(e->name)) || number >= number_at(e, count - 1))
        return false;
    buf_add(&e->removed, bytes_of(&number, sizeof number));
    return !e->removed.failed;
}

void edits_free(struct edits *e)
{
    buf_free(&e->added);
    buf_free(&e->removed);
}

/* ---- reading ---- */

size_t message_name_len(struct bytes field)
{
    return bytes_find(field, ':');
}

enum message_item message_field(FILE *in, struct buf *field)
{
    int c = getc(in);
    buf_clear(field);
    if (c == '\n' || c == EOF)
        return ferror(in) ? MESSAGE_BAD : MESSAGE_BODY;
    for (; c != EOF; c = getc(in)) {
        if (c == '\n') {
            int next = getc(in);
            if (next != EOF)
                (void)ungetc(next, in);
            if (next == EOF || !ascii_is_wsp((uint8_t)next))
                break;
        }
        if (c == '\0' || field->len == MESSAGE_FIELD_MAX)
            return MESSAGE_BAD;
        buf_add_u8(field, (uint8_t)c);
    }
    bool ok = !ferror(in) && !field->failed && message_name_len(buf_bytes(field)) < field->len;
    return ok ? MESSAGE_FIELD : MESSAGE_BAD;
}

/* ---- writing ---- */

struct writer {
    const struct message_out *out;
    bool inside; /* a line has begun */
};

static void put(struct writer *w, int c)
{
    if (!w->inside) {
        (void)fputs(w->out->prefix, w->out->file);
        if (c == '.' && w->out->dots)
            (void)putc('.', w->out->file);
    }
    (void)putc(c, w->out->file);
    w->inside = c != '\n';
}

static void put_all(struct writer *w, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        put(w, b.data[i]);
}

/* The header without what is removed. `*left`: how many of e->removed are still to come; the last of them is next. */
static bool write_header(FILE *in, const struct edits *e, struct writer *w)
{
    struct buf field = BUF_INIT;
    size_t left = e->removed.len / sizeof(uint32_t);
    uint32_t number = 0;
    enum message_item item;
    while ((item = message_field(in, &field)) == MESSAGE_FIELD) {
        struct bytes name = bytes_trim(bytes_slice(buf_bytes(&field), 0, message_name_len(buf_bytes(&field))));
        bool counts = left > 0 && bytes_ieq(name, bytes_str(e->name));
        number += counts;
        if (counts && number_at(e, left - 1) == number) {
            left--;
            continue;
        }
        put_all(w, buf_bytes(&field));
        put(w, '\n');
    }
    buf_free(&field);
    return item == MESSAGE_BODY && left == 0;
}

bool message_write(FILE *in, const struct edits *e, const struct message_out *out)
{
    struct writer w = {.out = out, .inside = false};
    rewind(in);
    put_all(&w, buf_bytes(&e->added));
    if (!write_header(in, e, &w))
        return false;
    if (!feof(in)) { /* the empty line was there */
        put(&w, '\n');
        for (int c; (c = getc(in)) != EOF;)
            put(&w, c);
        if (w.inside)
            put(&w, '\n');
    }
    return !ferror(in) && !ferror(out->file);
}
