#include "firmware/ready.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Making RSA keys takes seconds: one is made, and made again. Linked with --wrap (firmware.mk). */
int __real_crypto_rsa_generate(uint16_t bits, struct crypto_rsa_private *out);
int __wrap_crypto_rsa_generate(uint16_t bits, struct crypto_rsa_private *out);
int __wrap_crypto_rsa_generate(uint16_t bits, struct crypto_rsa_private *out)
{
    static struct crypto_rsa_private made;
    if (bits != 2048)
        return CRYPTO_EPARAM;
    if (made.pub.bits == 0 && __real_crypto_rsa_generate(bits, &made) != CRYPTO_OK)
        __builtin_trap();
    *out = made;
    return CRYPTO_OK;
}

/* Every number that was given out since then has an entry. */
static void check_log(uint64_t before)
{
    uint8_t body[LEDGER_ENTRY_MAX];
    if (ledger_sequence() < before)
        __builtin_trap();
    for (uint64_t n = before + 1; n <= ledger_sequence(); n++)
        if (ledger_read(n, body) < 98)
            __builtin_trap();
}

/* A token that is ready, who is verified, and a sequence of commands, each with its length in front; 0 is a reset, 255 takes the
 * power away. Whatever comes, a status word goes, and the log only grows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[TOKEN_RESPONSE_MAX];
    uint8_t atr[TOKEN_ATR_MAX];
    if (size == 0)
        return 0;
    ready_start(data[0]);
    uint64_t before = ledger_sequence();
    for (size_t at = 1; at < size;) {
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
    check_log(before);
    return 0;
}
