/* out: the caller's buffer, filled from the left. Never writes past `cap`; `overflow` says that something did not fit. */
#ifndef ZEGEL_DKIM_OUT_H
#define ZEGEL_DKIM_OUT_H

#include "base/bytes.h"

struct out {
    uint8_t *data;
    size_t cap, len; /* octets */
    bool overflow;
};

static inline struct out out_of(void *data, size_t cap)
{
    return (struct out){.data = data, .cap = cap, .len = 0, .overflow = false};
}

static inline struct bytes out_bytes(const struct out *o)
{
    return bytes_of(o->data, o->len);
}

static inline void out_u8(struct out *o, uint8_t c)
{
    if (o->len < o->cap)
        o->data[o->len++] = c;
    else
        o->overflow = true;
}

static inline void out_add(struct out *o, struct bytes b)
{
    if (b.len > o->cap - o->len) {
        o->overflow = true;
        return;
    }
    if (b.len > 0)
        memcpy(o->data + o->len, b.data, b.len);
    o->len += b.len;
}

static inline void out_str(struct out *o, const char *s)
{
    out_add(o, bytes_str(s));
}

/* Decimal. */
void out_u64(struct out *o, uint64_t n);

#endif
