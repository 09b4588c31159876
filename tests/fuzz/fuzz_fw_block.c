#include "core/block.h"
#include "core/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What passes has one DKIM-Signature, at the end, and an empty b=. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sig_policy p = {.domain = SPAN_LIT("example.nl"), .selector = SPAN_LIT("s1"), .life_max_s = 3600};
    if (size == 0)
        return 0;
    p.ed25519 = data[0] & 1;
    p.strict = data[0] & 2;
    p.allow_8bit = data[0] & 4;
    struct span block = span_of(data + 1, size - 1);
    if (block_check(block, &p) == REASON_OK && !span_eq(span_cut(block, block.len - 2, block.len), SPAN_LIT("b=")))
        __builtin_trap();
    return 0;
}
