#include "signer/blockcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_domain d = {.domain = (char *)(uintptr_t) "example.nl", .relaxed_header = true, .relaxed_body = true};
    struct config_key k = {.selector = (char *)(uintptr_t) "s1", .algorithm = CONFIG_RSA_SHA256};
    struct sigheader s;
    (void)blockcheck(bytes_of(data, size), &d, &k, 1700000000, &s);
    d.relaxed_header = false;
    (void)blockcheck(bytes_of(data, size), &d, &k, 1700000000, &s);
    return 0;
}
