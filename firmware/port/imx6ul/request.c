/* See request.h. This image is one for tests: hal_dev_seed is true. */
#include "port/imx6ul/request.h"

#include "crypto.h"
#include "hal.h"
#include "port/blocks.h"
#include "port/imx6ul/imx6ul.h"
#include "token.h"

#include <string.h>

static void print_number(uint64_t number)
{
    char digits[20];
    int i = sizeof digits - 1;

    for (digits[i] = '\0'; (number != 0 || i == sizeof digits - 1) && i > 0; number /= 10)
        digits[--i] = (char)('0' + number % 10);
    uart_print(IMX6UL_UART2, digits + i);
}

static void say(const char *text, uint64_t number)
{
    uart_print(IMX6UL_UART2, text);
    print_number(number);
}

/* ---- what a signature costs, by the token's own clock. Under "qemu -icount" that counts instructions. */

/* The private operation alone is the difference of both, for signing verifies. */
static void time_rsa(uint64_t count)
{
    static struct crypto_rsa_private key;
    uint8_t hash[CRYPTO_SHA256_LEN] = {1}, info[CRYPTO_DIGESTINFO_LEN], signature[CRYPTO_RSA_MAX];
    uint64_t times_ms[3];
    int failures = crypto_rsa_generate(2048, &key);

    crypto_digestinfo(hash, info);
    times_ms[0] = hal_now_ms();
    for (uint64_t i = 0; i < count; i++)
        failures += crypto_rsa_sign(&key, info, sizeof info, signature);
    times_ms[1] = hal_now_ms();
    for (uint64_t i = 0; i < count; i++)
        failures += crypto_rsa_verify(&key.pub, info, sizeof info, signature);
    times_ms[2] = hal_now_ms();
    if (failures != 0)
        hal_panic("RSA failed while its speed was measured");
    say("speed: ", count);
    say(" signed in ", times_ms[1] - times_ms[0]);
    say(" ms, verified in ", times_ms[2] - times_ms[1]);
}

/* The token's answer to a command in short form; it panics when that is not 9000. */
static void command(const uint8_t header[4], const void *data, uint8_t len)
{
    static uint8_t in[5 + 255], out[TOKEN_RESPONSE_MAX];

    memcpy(in, header, 4);
    in[4] = len;
    memcpy(in + 5, data, len);
    size_t n = token_apdu(in, len == 0 ? 4 : 5U + len, out);
    if ((out[n - 2] != 0x90 || out[n - 1] != 0) && out[n - 2] != 0x61)
        hal_panic("a command was refused while its speed was measured");
}

/* RSA keys of both applications, made as anybody makes them, and PSO:CDS, BEGIN and FINISH as anybody sends them. */
static void time_token(uint64_t count)
{
    static const uint8_t pgp[] = {0xd2, 0x76, 0x00, 0x01, 0x24, 0x01}, own[] = {0xf0, 'Z', 'e', 'g', 'e', 'l', 0x01},
                         sig[] = {0xb6, 0x00};
    static const uint8_t binding[] = {0x80, 2,   0x08, 0x00, 0x81, 1,   1,   0x82, 10, 'e', 'x', 'a',
                                      'm',  'p', 'l',  'e',  '.',  'n', 'l', 0x83, 2,  's', '1'};
    static const char block[] =
        "from:a@example.nl\r\nto:b@example.org\r\nsubject:x\r\ndkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; "
        "d=example.nl; "
        "s=s1; t=1700000000; h=From:From:To:To:Subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=";
    uint8_t info[CRYPTO_DIGESTINFO_LEN] = {0};

    command((const uint8_t[]){0x00, 0xa4, 0x04, 0x00}, pgp, sizeof pgp);
    command((const uint8_t[]){0x00, 0x20, 0x00, 0x83}, "12345678", 8);
    command((const uint8_t[]){0x00, 0x47, 0x80, 0x00}, sig, sizeof sig);
    command((const uint8_t[]){0x00, 0x20, 0x00, 0x81}, "123456", 6);
    uint64_t begin_ms = hal_now_ms();
    for (uint64_t i = 0; i < count; i++)
        command((const uint8_t[]){0x00, 0x2a, 0x9e, 0x9a}, info, sizeof info);
    say(" ms, PSO:CDS in ", hal_now_ms() - begin_ms);
    command((const uint8_t[]){0x00, 0xa4, 0x04, 0x00}, own, sizeof own);
    command((const uint8_t[]){0x80, 0x20, 0x00, 0x83}, "12345678", 8);
    command((const uint8_t[]){0x80, 0x30, 0x10, 0x00}, binding, sizeof binding);
    command((const uint8_t[]){0x80, 0x20, 0x00, 0x82}, "123456", 6);
    begin_ms = hal_now_ms();
    for (uint64_t i = 0; i < count; i++) {
        command((const uint8_t[]){0x80, 0x10, 0x10, 0x00}, "", 0);
        command((const uint8_t[]){0x80, 0x14, 0x00, 0x00}, block, sizeof block - 1);
    }
    say(" ms, header blocks in ", hal_now_ms() - begin_ms);
    uart_print(IMX6UL_UART2, " ms\r\n");
}

/* ---- */

static bool asked(const char what[8], uint64_t numbers[2])
{
    uint8_t block[HAL_BLOCK_SIZE];

    if (sd_read(1, block) != 0)
        return false;
    memcpy(numbers, block + 8, 2 * sizeof numbers[0]);
    return memcmp(block, what, 8) == 0;
}

void request_before_boot(void)
{
    uint64_t numbers[2];

    if (asked("ZEGELCUT", numbers))
        blocks_cut(numbers[0], numbers[1]);
}

void request_after_boot(void)
{
    uint8_t atr[TOKEN_ATR_MAX];
    uint64_t numbers[2];

    if (!asked("ZEGELRUN", numbers))
        return;
    (void)token_reset(atr);
    time_rsa(numbers[0]);
    time_token(numbers[0]);
}
