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

static inline bool scan16_any(scan16_mask m)
{
    uint64_t half[2];
    memcpy(half, &m, sizeof half);
    return (half[0] | half[1]) != 0;
}

/* The index of the first octet that the mask has, or 16. */
static inline unsigned scan16_first(scan16_mask m)
{
    uint64_t half[2];
    memcpy(half, &m, sizeof half);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (half[0] != 0)
        return (unsigned)__builtin_ctzll(half[0]) / 8;
    return half[1] != 0 ? 8 + (unsigned)__builtin_ctzll(half[1]) / 8 : 16;
#else
    if (half[0] != 0)
        return (unsigned)__builtin_clzll(half[0]) / 8;
    return half[1] != 0 ? 8 + (unsigned)__builtin_clzll(half[1]) / 8 : 16;
#endif
}

#endif
