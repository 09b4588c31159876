#include "dkim/keyrecord.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sigheader s = {.algorithm = size > 0 && data[0] == 'e' ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256,
                          .domain = BYTES_LIT("a.nl")};
    struct keyrecord r;
    if ((keyrecord_parse(bytes_of(data, size), &s, &r) == KEYRECORD_OK) != (r.key != NULL))
        __builtin_trap();
    digest_key_free(r.key);
    return 0;
}
