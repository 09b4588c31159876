#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void wipe(void *data, size_t len)
{
    if (len > 0)
        explicit_bzero(data, len);
}

/* ---- pages for secrets ---- */

static uint8_t *locked_new(size_t cap)
{
    uint8_t *data = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return NULL;
    (void)madvise(data, cap, MADV_DONTDUMP);
    if (mlock(data, cap) == 0)
        return data;
    (void)munmap(data, cap);
    return NULL;
}

static void release(struct buf *b)
{
    wipe(b->data, b->cap);
    if (!b->locked)
        free(b->data);
    else if (b->data != NULL)
        (void)munmap(b->data, b->cap);
    b->data = NULL;
    b->cap = 0;
}

bool buf_lock(struct buf *b)
{
    release(b);
    b->len = 0;
    b->locked = true;
    return buf_reserve(b, 1);
}

bool buf_reserve(struct buf *b, size_t extra)
{
    if (b->failed || extra > SIZE_MAX / 2 - b->len) {
        b->failed = true;
        return false;
    }
    if (b->cap - b->len >= extra)
        return true;
    size_t cap = b->cap == 0 ? 256 : b->cap;
    while (cap - b->len < extra)
        cap *= 2;
    uint8_t *data = b->locked ? locked_new(cap) : malloc(cap); /* not realloc: it would leave an unwiped copy behind */
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    if (b->len > 0)
        memcpy(data, b->data, b->len);
    release(b);
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, struct bytes more)
{
    if (more.len == 0 || !buf_reserve(b, more.len))
        return;
    memcpy(b->data + b->len, more.data, more.len);
    b->len += more.len;
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, bytes_str(s));
}

void buf_add_u8(struct buf *b, uint8_t c)
{
    buf_add(b, bytes_of(&c, 1));
}

void buf_add_printable(struct buf *b, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_add_u8(b, text.data[i] < ' ' || text.data[i] > '~' ? '?' : text.data[i]);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
}

void buf_clear(struct buf *b)
{
    wipe(b->data, b->len);
    b->len = 0;
    b->failed = false;
}

void buf_free(struct buf *b)
{
    release(b);
    *b = BUF_INIT;
}

const char *buf_cstr(struct buf *b)
{
    if (!buf_reserve(b, 1))
        return "";
    b->data[b->len] = '\0';
    return (const char *)b->data;
}
