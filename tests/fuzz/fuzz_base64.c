#include "dkim/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[1 << 16], again[1 << 17];
    struct out o = out_of(room, sizeof room), e = out_of(again, sizeof again);
    if (base64_decode(bytes_of(data, size), &o))
        base64_encode(out_bytes(&o), &e);
    return e.overflow ? -1 : 0;
}
