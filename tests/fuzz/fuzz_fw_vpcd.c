/* Frames of any shape: bounds hold, each answer is a frame, and a well-formed frame behind them is still answered. */
#include "port/vpcd.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

size_t token_reset(uint8_t atr[TOKEN_ATR_MAX])
{
    memset(atr, 0x3B, TOKEN_ATR_MAX);
    return TOKEN_ATR_MAX;
}

size_t token_apdu(const uint8_t *in, size_t len, uint8_t out[TOKEN_RESPONSE_MAX])
{
    if (len > TOKEN_COMMAND_MAX + 1)
        abort();
    memset(out, 0, TOKEN_RESPONSE_MAX);
    return len > 2 ? 2 + in[0] % 16 + (in[len - 1] == 0xFF ? TOKEN_RESPONSE_MAX - 18 : 0) : 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vpcd v;
    size_t len = 0;

    vpcd_init(&v);
    for (size_t i = 0; i < size; i++) {
        len = vpcd_octet(&v, data[i]);
        if (len > 0 && (len > sizeof v.reply || (size_t)v.reply[0] * 256 + v.reply[1] + 2 != len))
            abort();
    }
    for (unsigned i = 0; i < 3 + 65535 && (v.header != 0 || i == 0); i++)
        (void)vpcd_octet(&v, 1); /* to the end of the frame that was begun */
    if (v.header != 0 || vpcd_octet(&v, 0) + vpcd_octet(&v, 1) != 0 || vpcd_octet(&v, 4) != 2 + TOKEN_ATR_MAX)
        abort();
    return 0;
}
