/* hal on the i.MX6UL: the store is the SD card from STORE_FIRST on, the clock is the processor's generic timer, the log is UART2.
 */
#include "hal.h"

#include "port/blocks.h"
#include "port/imx6ul/imx6ul.h"

#include <string.h>

#define STORE_FIRST 8192 /* block of the card; the boot image lies before it */

int medium_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE])
{
    return sd_read(STORE_FIRST + block, out) == 0 ? HAL_OK : HAL_EIO;
}

int medium_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE])
{
    return sd_write(STORE_FIRST + block, in) == 0 ? HAL_OK : HAL_EIO;
}

int medium_flush(void)
{
    return HAL_OK; /* sd_write returns when it is on the card */
}

_Noreturn void medium_power_off(void)
{
    hal_panic("the power cut that was asked for");
}

uint64_t hal_now_ms(void)
{
    uint32_t frequency, low, high;

    __asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(frequency));
    __asm__ volatile("isb\n mrrc p15, 0, %0, %1, c14" : "=r"(low), "=r"(high));
    return ((uint64_t)high << 32 | low) / (frequency / 1000);
}

/* QEMU models no RNGB and no DCP, and without a board no driver of theirs could be tried: constants, and all that is said of this
 * image says so. */
bool hal_dev_seed(void)
{
    return true;
}

int hal_entropy(uint8_t *out, size_t len)
{
    memset(out, 'D', len);
    return HAL_OK;
}

int hal_device_secret(uint8_t out[32])
{
    memset(out, 'S', 32);
    return HAL_OK;
}

const char *hal_version(void)
{
    return "imx6ul under qemu, dev-seed, store not wrapped; never run on a board";
}

uint32_t hal_serial(void)
{
    return 0;
}

void hal_log(const char *line)
{
    uart_print(IMX6UL_UART2, "token: ");
    uart_print(IMX6UL_UART2, line);
    uart_print(IMX6UL_UART2, "\r\n");
}

_Noreturn void hal_panic(const char *why)
{
    uart_print(IMX6UL_UART2, "token: PANIC: ");
    uart_print(IMX6UL_UART2, why);
    uart_print(IMX6UL_UART2, "\r\n");
    for (;;)
        __asm__ volatile("cpsid if\n wfi");
}
