#include "dkim/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct header h;
    header_init(&h);
    size_t used = header_parse(&h, bytes_of(data, size));
    return used <= size && h.count <= DKIM_HEADER_FIELDS_MAX ? 0 : -1;
}
