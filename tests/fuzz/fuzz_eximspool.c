#include "front/eximspool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read as "this machine's own mail" has no client and no user; what has a client has its port. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eximspool e;
    struct bytes file = bytes_of(data, size);
    if (!eximspool_parse(file, BYTES_LIT("1xWHlh-0006jY-0Q"), &e))
        return 0;
    if (e.client.len == 0 ? e.user.len > 0 || e.port != 0 : e.port == 0 || e.port > 65535)
        __builtin_trap();
    if (bytes_find(e.sender, '\n') < e.sender.len || bytes_find(e.client, '\n') < e.client.len)
        __builtin_trap();
    return 0;
}
