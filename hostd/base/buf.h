/* buf: memory that grows and that we own. Wiped before it is given back, since it may have held a PIN or a signature. */
#ifndef ZEGEL_BUF_H
#define ZEGEL_BUF_H

#include "base/bytes.h"

struct buf {
    uint8_t *data;
    size_t len;  /* octets in use */
    size_t cap;  /* octets allocated */
    bool failed; /* an allocation failed; nothing was added since. Check once, at the end. */
    bool locked; /* its memory is never swapped out, and in no core dump */
};

#define BUF_INIT ((struct buf){0})

/* For a secret, while empty: from now on its memory is pages of its own, locked. False (and `failed` set) where that is not
 * permitted (RLIMIT_MEMLOCK). */
bool buf_lock(struct buf *b);
/* Make room for `extra` more octets. False (and `failed` set) when memory is short. */
bool buf_reserve(struct buf *b, size_t extra);
void buf_add(struct buf *b, struct bytes more);
void buf_add_str(struct buf *b, const char *s);
void buf_add_u8(struct buf *b, uint8_t c);
/* For terminals and one-line messages: what is not printable ASCII is a '?'. */
void buf_add_printable(struct buf *b, struct bytes text);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Empty it and keep the memory (wiped). */
void buf_clear(struct buf *b);
/* Wipe and give the memory back; the buf may be used again. */
void buf_free(struct buf *b);

static inline struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->data, b->len);
}

/* The content as a C string: adds a NUL that does not count. Never NULL; "" when memory is short. */
const char *buf_cstr(struct buf *b);

/* Zero memory in a way the compiler may not remove. */
void wipe(void *data, size_t len);

#endif
