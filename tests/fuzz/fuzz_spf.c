#include "check/spf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct spf s;
    if ((spf_parse(bytes_of(data, size), &s) == SPF_OK) != (s.bad.data == NULL))
        __builtin_trap();
    for (unsigned i = 0; i < s.count; i++) {
        struct bytes d = s.terms[i].domain;
        if (d.data != NULL && (d.data < data || d.data + d.len > data + size))
            __builtin_trap();
    }
    return 0;
}
