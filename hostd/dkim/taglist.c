#include "dkim/taglist.h"

static bool is_alpha(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* tag-name = ALPHA *ALNUMPUNC */
static bool is_tag_name(struct bytes n)
{
    if (n.len == 0 || !is_alpha(n.data[0]))
        return false;
    for (size_t i = 1; i < n.len; i++)
        if (!is_alpha(n.data[i]) && !is_digit(n.data[i]) && n.data[i] != '_')
            return false;
    return true;
}

/* VALCHAR is %x21-3A / %x3C-7E, with folding white space between. */
static bool is_tag_value(struct bytes v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!ascii_is_fws(v.data[i]) && (v.data[i] < 0x21 || v.data[i] == 0x7f))
            return false;
    return true;
}

/* FWS = [*WSP CRLF] 1*WSP (RFC 6376 §2.8): a CR or LF stands in a fold, or nowhere. */
static bool is_folded_well(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n')
            return false;
        if (text.data[i] != '\r')
            continue;
        if (i + 2 >= text.len || text.data[i + 1] != '\n' || !ascii_is_wsp(text.data[i + 2]))
            return false;
        i += 2;
    }
    return true;
}

bool taglist_parse(struct bytes text, struct taglist *out)
{
    out->count = 0;
    size_t at = 0;
    if (!is_folded_well(text))
        return false;
    while (at < text.len) {
        struct bytes rest = bytes_slice(text, at, text.len);
        size_t end = bytes_find(rest, ';');
        struct bytes spec = bytes_slice(rest, 0, end);
        at += end + 1;
        if (bytes_trim(spec).len == 0) {
            if (end < rest.len) /* only behind the last ";" may there be nothing */
                return false;
            break;
        }
        size_t eq = bytes_find(spec, '=');
        if (eq == spec.len || out->count == DKIM_TAGS_MAX)
            return false;
        struct tag t = {.name = bytes_trim(bytes_slice(spec, 0, eq)), .value = bytes_trim(bytes_slice(spec, eq + 1, spec.len))};
        if (!is_tag_name(t.name) || !is_tag_value(t.value))
            return false;
        for (size_t i = 0; i < out->count; i++)
            if (bytes_eq(out->tags[i].name, t.name))
                return false;
        out->tags[out->count++] = t;
    }
    return out->count > 0;
}

struct bytes taglist_get(const struct taglist *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (bytes_eq(t->tags[i].name, bytes_str(name)))
            return t->tags[i].value;
    return bytes_of(NULL, 0);
}
