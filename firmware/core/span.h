/* span: a view of octets that somebody else owns, and the few things that parsers do with one. Never reads outside itself. */
#ifndef ZEGEL_CORE_SPAN_H
#define ZEGEL_CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h> /* mem* only: what every freestanding compiler wants to have anyway */

struct span {
    const uint8_t *data;
    size_t len;
};

#define SPAN_LIT(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){data, len};
}

/* From `from` to before `to`, both cut to what is there. */
static inline struct span span_cut(struct span s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from >= to)
        return (struct span){s.data, 0};
    return (struct span){s.data + from, to - from};
}

/* Index of the first `octet`, or s.len. */
static inline size_t span_find(struct span s, uint8_t octet)
{
    size_t i = 0;
    while (i < s.len && s.data[i] != octet)
        i++;
    return i;
}

static inline uint8_t span_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Nothing but zeros: each octet is the one before it. */
static inline bool span_is_blank(struct span s)
{
    return s.len == 0 || (s.data[0] == 0 && memcmp(s.data, s.data + 1, s.len - 1) == 0);
}

/* ASCII letters in either case are the same. */
static inline bool span_same(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (span_lower(a.data[i]) != span_lower(b.data[i]))
            return false;
    return true;
}

static inline bool span_is_fws(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without white space at either end. */
static inline struct span span_trim(struct span s)
{
    size_t from = 0, to = s.len;
    while (from < to && span_is_fws(s.data[from]))
        from++;
    while (to > from && span_is_fws(s.data[to - 1]))
        to--;
    return span_cut(s, from, to);
}

#endif
