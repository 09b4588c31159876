/* scan: sixteen octets at a time, so that looking at mail costs little beside hashing it. GCC's and clang's vector
 * extension: plain C on any processor. */
#ifndef ZEGEL_DKIM_SCAN_H
#define ZEGEL_DKIM_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t scan16 __attribute__((vector_size(16)));
typedef int8_t scan16_mask __attribute__((vector_size(16))); /* what comparing two scan16 gives: 0 or -1 for each octet */

static inline scan16 scan16_load(const uint8_t *p)
{
    scan16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* One bit for each octet that the mask has, the first one lowest. */
static inline unsigned scan16_bits(scan16_mask m)
{
#ifdef __SSE2__
    return (unsigned)__builtin_ia32_pmovmskb128((char __attribute__((vector_size(16))))m);
#else
    uint64_t half[2];
    memcpy(half, &m, sizeof half);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t one_each = 0x8040201008040201;
#else
    const uint64_t one_each = 0x0102040810204080;
#endif
    const uint64_t gather = 0x0101010101010101; /* the sum of all octets comes to stand in the highest */
    return (unsigned)((half[0] & one_each) * gather >> 56) | (unsigned)((half[1] & one_each) * gather >> 56) << 8;
#endif
}

static inline bool scan16_any(scan16_mask m)
{
    uint64_t half[2];
    memcpy(half, &m, sizeof half);
    return (half[0] | half[1]) != 0;
}

/* The same of 64 octets. */
static inline uint64_t scan64_bits(scan16_mask a, scan16_mask b, scan16_mask c, scan16_mask d)
{
    return scan16_bits(a) | (uint64_t)scan16_bits(b) << 16 | (uint64_t)scan16_bits(c) << 32 | (uint64_t)scan16_bits(d) << 48;
}

#endif
