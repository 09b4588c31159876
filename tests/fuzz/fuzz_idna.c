/* What a name of U-labels becomes is a name of A-labels, and stays as it is from then on. */
#include "dkim/domain.h"
#include "dkim/idna.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t room[2][DKIM_DOMAIN_MAX];
    struct out once = out_of(room[0], DKIM_DOMAIN_MAX), twice = out_of(room[1], DKIM_DOMAIN_MAX);
    struct bytes name = bytes_of(data, size);
    if (!domain_is_international(name) || !idna_ascii(name, &once))
        return 0;
    if (!domain_is_valid(out_bytes(&once)) || !idna_ascii(out_bytes(&once), &twice) ||
        !bytes_eq(out_bytes(&once), out_bytes(&twice)) || !idna_is_within(name, out_bytes(&once)))
        __builtin_trap();
    return 0;
}
