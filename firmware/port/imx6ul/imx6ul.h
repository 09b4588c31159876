/* imx6ul: the devices of the SoC that this port uses (i.MX 6UltraLite reference manual, IMX6ULRM). Everything is polled; there
 * are no interrupts. */
#ifndef ZEGEL_IMX6UL_H
#define ZEGEL_IMX6UL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMX6UL_UART1 0x02020000U /* the reader */
#define IMX6UL_UART2 0x021E8000U /* the log */
#define IMX6UL_USDHC1 0x02190000U

static inline volatile uint32_t *reg(uint32_t base, uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(base + offset);
}

void uart_init(uint32_t uart);
void uart_put(uint32_t uart, uint8_t octet);
void uart_print(uint32_t uart, const char *text);
/* True and the octet, or false when none is there. */
bool uart_get(uint32_t uart, uint8_t *octet);

/* The SD card on uSDHC1, one block of 512 octets at a time, without DMA. Negative when there is no card or it does not answer. */
__attribute__((warn_unused_result)) int sd_init(void);
__attribute__((warn_unused_result)) int sd_read(uint32_t block, uint8_t out[512]);
__attribute__((warn_unused_result)) int sd_write(uint32_t block, const uint8_t in[512]); /* durable when it returns */

#endif
