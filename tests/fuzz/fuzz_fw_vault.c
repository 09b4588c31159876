#include "core/vault.h"
#include "firmware/ready.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block that is used: of the objects, or of the log. */
static uint32_t used_block(uint16_t n)
{
    uint32_t objects = 6 + 12 + 5 * 10; /* device, PINs, counters, the card's data, the keys there are */
    return n % 4 == 3 ? VAULT_LOG_FIRST + n / 4 % 16 : n / 4 % objects;
}

/* Does what it can, with all verified: reads each key, signs, reads the log, makes a statement. */
static void exercise(void)
{
    static uint8_t out[TOKEN_RESPONSE_MAX], attest[5 + 32] = {0x80, 0x40, 0x10, 0, 32};
    static const uint8_t own[] = {0, 0xa4, 4, 0, 7, 0xf0, 'Z', 'e', 'g', 'e', 'l', 1};
    static const uint8_t commands[][12] = {{0x80, 0xca, 0, 0, 0},
                                           {0x80, 0x32, 0x10, 0, 0},
                                           {0x80, 0x32, 0x11, 0, 0},
                                           {0x80, 0x32, 0x01, 0, 0},
                                           {0x80, 0x42, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0},
                                           {0x80, 0x10, 0x10, 0},
                                           {0x80, 0x34, 0x12, 0}};
    static const uint8_t lengths[] = {5, 5, 5, 5, 12, 4, 4};
    uint8_t block[5 + sizeof READY_BLOCK] = {0x80, 0x14, 0, 0, sizeof READY_BLOCK - 1};
    (void)token_apdu(own, sizeof own, out);
    session.user_other = session.admin = true;
    for (size_t i = 0; i < sizeof lengths; i++)
        if (token_apdu(commands[i], lengths[i], out) < 2)
            __builtin_trap();
    memcpy(block + 5, READY_BLOCK, sizeof READY_BLOCK - 1);
    if (token_apdu(block, 5 + sizeof READY_BLOCK - 1, out) < 2 || token_apdu(attest, sizeof attest, out) < 2)
        __builtin_trap();
}

/* The image of a token with keys and a log, damaged: block (2), offset (2), length (1), octets. It starts and goes on, or says
 * that it cannot; and the second start says the same as the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ready_start(0);
    uint64_t signatures = ledger_counter(KEY_OWN)->signatures;
    for (size_t at = 0; at + 5 <= size;) {
        uint32_t block = used_block((uint16_t)(data[at] << 8 | data[at + 1]));
        size_t offset = (size_t)(data[at + 2] << 8 | data[at + 3]) % HAL_BLOCK_SIZE, len = data[at + 4];
        at += 5;
        len = len > size - at ? size - at : len;
        len = len > HAL_BLOCK_SIZE - offset ? HAL_BLOCK_SIZE - offset : len;
        memcpy(hal_ram_block(block) + offset, data + at, len);
        at += len;
    }
    bool starts = token_boot() == 0;
    if (starts != (token_boot() == 0) || (starts && ledger_counter(KEY_OWN)->signatures > signatures))
        __builtin_trap(); /* nobody without the device's secret can count up */
    if (starts)
        exercise();
    return 0;
}
