#include "crypto.h"
#include "firmware/hal_ram.h"
#include "token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sequence of commands, each with its length in front; 0 is a reset, 255 takes the power away. Whatever comes, a status word
 * goes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[TOKEN_RESPONSE_MAX];
    uint8_t atr[TOKEN_ATR_MAX];
    static bool ready; /* the known-answer tests of crypto are slow */
    hal_ram_reset();
    ready = ready || crypto_init() == CRYPTO_OK;
    if (!ready || token_boot() != 0)
        __builtin_trap();
    (void)token_reset(atr);
    for (size_t at = 0; at < size;) {
        size_t len = data[at++];
        if (len == 0)
            (void)token_reset(atr);
        if (len == 255 && (token_boot() != 0 || token_reset(atr) == 0))
            __builtin_trap();
        if (len == 0 || len == 255)
            continue;
        if (len > size - at)
            len = size - at;
        size_t n = token_apdu(data + at, len, out);
        if (n < 2 || n > sizeof out)
            __builtin_trap();
        hal_ram_advance_ms(100);
        at += len;
    }
    return 0;
}
