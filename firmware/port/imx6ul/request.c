/* See request.h. This image is one for tests: hal_dev_seed is true. */
#include "port/imx6ul/request.h"

#include "crypto.h"
#include "hal.h"
#include "port/blocks.h"
#include "port/imx6ul/imx6ul.h"

#include <string.h>

static void print_number(uint64_t number)
{
    char digits[20];
    int i = sizeof digits - 1;

    for (digits[i] = '\0'; (number != 0 || i == sizeof digits - 1) && i > 0; number /= 10)
        digits[--i] = (char)('0' + number % 10);
    uart_print(IMX6UL_UART2, digits + i);
}

/* "speed: N signed in S ms, verified in V ms": the private operation alone is the difference, for signing verifies. */
static void run(uint64_t count)
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
    uart_print(IMX6UL_UART2, "speed: ");
    print_number(count);
    uart_print(IMX6UL_UART2, " signed in ");
    print_number(times_ms[1] - times_ms[0]);
    uart_print(IMX6UL_UART2, " ms, verified in ");
    print_number(times_ms[2] - times_ms[1]);
    uart_print(IMX6UL_UART2, " ms\r\n");
}

void request_of_test(void)
{
    uint8_t block[HAL_BLOCK_SIZE];
    uint64_t numbers[2];

    if (sd_read(1, block) != 0)
        return;
    memcpy(numbers, block + 8, sizeof numbers);
    if (memcmp(block, "ZEGELCUT", 8) == 0)
        blocks_cut(numbers[0], numbers[1]);
    if (memcmp(block, "ZEGELRUN", 8) == 0)
        run(numbers[0]);
}
