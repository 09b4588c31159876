#include "dkim/from.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes d;
    if (from_domain(bytes_of(data, size), &d) == FROM_OK && (d.len == 0 || d.data < data || d.data + d.len > data + size))
        __builtin_trap();
    return 0;
}
