/* pack: numbers and octet strings into one packet and out again. Host byte order: both ends are this machine. A reader
 * that has once gone wrong stays wrong and yields zeros, so that codecs check once, at the end. */
#ifndef ZEGEL_IPC_PACK_H
#define ZEGEL_IPC_PACK_H

#include "base/bytes.h"

struct packer {
    uint8_t *data;
    size_t cap, len;
    bool overflow;
};

struct unpacker {
    struct bytes in;
    size_t at;
    bool bad;
};

static inline void pack_raw(struct packer *p, const void *data, size_t len)
{
    if (len > p->cap - p->len) {
        p->overflow = true;
        return;
    }
    if (len > 0)
        memcpy(p->data + p->len, data, len);
    p->len += len;
}

static inline void pack_u32(struct packer *p, uint32_t n)
{
    pack_raw(p, &n, sizeof n);
}

static inline void pack_u64(struct packer *p, uint64_t n)
{
    pack_raw(p, &n, sizeof n);
}

static inline void pack_bytes(struct packer *p, struct bytes b)
{
    pack_u32(p, b.len > UINT32_MAX ? UINT32_MAX : (uint32_t)b.len);
    pack_raw(p, b.data, b.len);
}

static inline struct bytes unpack_raw(struct unpacker *u, size_t len)
{
    if (u->bad || len > u->in.len - u->at) {
        u->bad = true;
        return bytes_of(NULL, 0);
    }
    u->at += len;
    return bytes_of(u->in.data + u->at - len, len);
}

static inline uint32_t unpack_u32(struct unpacker *u)
{
    uint32_t n = 0;
    struct bytes b = unpack_raw(u, sizeof n);
    if (b.len == sizeof n)
        memcpy(&n, b.data, sizeof n);
    return n;
}

static inline uint64_t unpack_u64(struct unpacker *u)
{
    uint64_t n = 0;
    struct bytes b = unpack_raw(u, sizeof n);
    if (b.len == sizeof n)
        memcpy(&n, b.data, sizeof n);
    return n;
}

/* At most `max` octets. A view into the packet. */
static inline struct bytes unpack_bytes(struct unpacker *u, size_t max)
{
    uint32_t len = unpack_u32(u);
    if (len > max)
        u->bad = true;
    return unpack_raw(u, len);
}

/* Nothing went wrong and nothing is left over. */
static inline bool unpack_done(const struct unpacker *u)
{
    return !u->bad && u->at == u->in.len;
}

#endif
