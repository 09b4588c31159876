#include "core/from.h"
#include "core/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An author domain is a name, and stands in the field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span d = {NULL, 0};
    if (from_domain(span_of(data, size), true, &d) != REASON_OK)
        return 0;
    if (name_check(d) != NAME_OK || d.data < data || d.data + d.len > data + size)
        __builtin_trap();
    return 0;
}
