#include "crypto.h"
#include "firmware/hal_ram.h"
#include "token.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The image of a token, damaged: block (2), offset (2), length (1), octets. It starts, or says that it cannot. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t select[] = {0, 0xa4, 4, 0, 7, 0xf0, 'Z', 'e', 'g', 'e', 'l', 1};
    static uint8_t out[TOKEN_RESPONSE_MAX];
    static bool ready; /* the known-answer tests of crypto are slow */
    hal_ram_reset();
    ready = ready || crypto_init() == CRYPTO_OK;
    if (!ready || token_boot() != 0)
        __builtin_trap();
    for (size_t at = 0; at + 5 <= size;) {
        size_t block = (size_t)(data[at] << 8 | data[at + 1]) % 2048,
               offset = (size_t)(data[at + 2] << 8 | data[at + 3]) % HAL_BLOCK_SIZE;
        size_t len = data[at + 4];
        at += 5;
        len = len > size - at ? size - at : len;
        len = len > HAL_BLOCK_SIZE - offset ? HAL_BLOCK_SIZE - offset : len;
        memcpy(hal_ram_block((uint32_t)block) + offset, data + at, len);
        at += len;
    }
    if (token_boot() == 0 && token_apdu(select, sizeof select, out) < 2)
        __builtin_trap();
    return 0;
}
