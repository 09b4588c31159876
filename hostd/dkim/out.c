#include "dkim/out.h"

void out_u64(struct out *o, uint64_t n)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    out_add(o, bytes_of(digits + at, sizeof digits - at));
}
