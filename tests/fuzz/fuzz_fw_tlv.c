#include "core/apdu.h"
#include "core/tlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct span in, int depth)
{
    struct tlv t;
    while (depth < 8 && tlv_next(&in, &t)) {
        if (in.len > 0 && t.value.data + t.value.len != in.data)
            __builtin_trap();
        walk(t.value, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct apdu a;
    walk(span_of(data, size), 0);
    if (apdu_parse(span_of(data, size), &a) && a.data.len > 0 && a.data.data + a.data.len > data + size)
        __builtin_trap();
    return 0;
}
