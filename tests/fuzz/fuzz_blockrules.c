#include "differential/blockrules.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the host signs the token signs, and the other way round, but for what blockrules.h lists. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *host;
    enum reason token;
    if (size == 0 || blockrules_agree(bytes_of(data + 1, size - 1), data[0], &host, &token))
        return 0;
    (void)fprintf(stderr, "host: %s; token: %s\n", host == NULL ? "signs" : host, reason_text(token));
    __builtin_trap();
}
