#include "dkim/sigheader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sigheader s;
    if (sigheader_parse(bytes_of(data, size), &s) == SIG_OK && s.b_region.data == NULL)
        __builtin_trap();
    return 0;
}
