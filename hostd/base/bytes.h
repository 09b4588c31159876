/* bytes: a view of memory that somebody else owns. Never freed, never NUL-terminated. */
#ifndef ZEGEL_BYTES_H
#define ZEGEL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t len; /* octets */
};

#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){(const uint8_t *)data, len};
}

static inline struct bytes bytes_str(const char *s)
{
    return bytes_of(s, s == NULL ? 0 : strlen(s));
}

/* The part from `from` (inclusive) to `to` (exclusive); clamped, so it can never reach outside `b`. */
static inline struct bytes bytes_slice(struct bytes b, size_t from, size_t to)
{
    if (b.data == NULL)
        return bytes_of(NULL, 0);
    if (to > b.len)
        to = b.len;
    if (from > to)
        from = to;
    return bytes_of(b.data + from, to - from);
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    if (a.len != b.len || a.len == 0)
        return a.len == b.len;
    return a.data != NULL && b.data != NULL && memcmp(a.data, b.data, a.len) == 0;
}

static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Equal but for ASCII case; locale plays no part. */
static inline bool bytes_ieq(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

static inline bool bytes_has_prefix(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && bytes_eq(bytes_slice(b, 0, prefix.len), prefix);
}

/* Index of the first `c`, or b.len when there is none. */
static inline size_t bytes_find(struct bytes b, uint8_t c)
{
    const uint8_t *p = b.len == 0 ? NULL : memchr(b.data, c, b.len);
    return p == NULL ? b.len : (size_t)(p - b.data);
}

/* The first line of *rest, without its LF; *rest becomes what follows that. */
static inline struct bytes bytes_line(struct bytes *rest)
{
    size_t end = bytes_find(*rest, '\n');
    struct bytes line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 1, rest->len);
    return line;
}

static inline bool ascii_is_wsp(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static inline bool ascii_is_fws(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Lower-case hexadecimal, with a NUL: `out` has room for 2 * b.len + 1. */
static inline void bytes_hex(struct bytes b, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < b.len; i++) {
        *out++ = digits[b.data[i] >> 4];
        *out++ = digits[b.data[i] & 15];
    }
    *out = '\0';
}

/* The other way, digits of either case. False, and *len 0, when it is not whole octets of hexadecimal, or more than `cap` of
 * them. */
static inline bool bytes_unhex(struct bytes text, uint8_t *out, size_t cap, size_t *len)
{
    *len = 0;
    if (text.len % 2 != 0 || text.len / 2 > cap)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = ascii_lower(text.data[i]);
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        uint8_t digit = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        out[i / 2] = i % 2 == 0 ? (uint8_t)(digit << 4) : (uint8_t)(out[i / 2] | digit);
    }
    *len = text.len / 2;
    return true;
}

/* Without folding white space (SP, HTAB, CR, LF) at either end. */
static inline struct bytes bytes_trim(struct bytes b)
{
    size_t from = 0;
    while (from < b.len && ascii_is_fws(b.data[from]))
        from++;
    while (b.len > from && ascii_is_fws(b.data[b.len - 1]))
        b.len--;
    return bytes_slice(b, from, b.len);
}

#endif
