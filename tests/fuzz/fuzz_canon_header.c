#include "dkim/canon_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[1 << 17];
    struct out o = out_of(room, sizeof room);
    size_t colon = bytes_find(bytes_of(data, size), ':');
    struct header_field f = {bytes_slice(bytes_of(data, size), 0, colon), bytes_slice(bytes_of(data, size), colon + 1, size)};
    canon_header_field(true, &f, &o);
    canon_header_field(false, &f, &o);
    return 0;
}
