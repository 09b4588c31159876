/* UART (IMX6ULRM, 55), 115200 8N1 from the 80 MHz that the boot ROM leaves it. */
#include "port/imx6ul/imx6ul.h"

enum {
    URXD = 0x00,
    UTXD = 0x40,
    UCR1 = 0x80,
    UCR2 = 0x84,
    UCR3 = 0x88,
    UFCR = 0x90,
    USR2 = 0x98,
    UBIR = 0xA4,
    UBMR = 0xA8,
    UTS = 0xB4
};
enum { UCR1_UARTEN = 1, UCR2_RUN = 0x4027, UCR3_MUXED = 0x700 | 1 << 2, UFCR_SET = 0x0A01, USR2_RDR = 1, UTS_TXFULL = 1 << 4 };

void uart_init(uint32_t uart)
{
    *reg(uart, UCR1) = 0;
    *reg(uart, UCR2) = UCR2_RUN; /* ignore RTS, 8 bits, transmitter, receiver, no reset */
    *reg(uart, UCR3) = UCR3_MUXED;
    *reg(uart, UFCR) = UFCR_SET; /* reference clock not divided; a single octet counts as received */
    *reg(uart, UBIR) = 0x0F;
    *reg(uart, UBMR) = 694 - 1; /* 80 MHz * 16 / (16 * 694) = 115274 Bd */
    *reg(uart, UCR1) = UCR1_UARTEN;
}

void uart_put(uint32_t uart, uint8_t octet)
{
    while ((*reg(uart, UTS) & UTS_TXFULL) != 0) {
    }
    *reg(uart, UTXD) = octet;
}

void uart_print(uint32_t uart, const char *text)
{
    for (; *text != '\0'; text++)
        uart_put(uart, (uint8_t)*text);
}

bool uart_get(uint32_t uart, uint8_t *octet)
{
    if ((*reg(uart, USR2) & USR2_RDR) == 0)
        return false;
    *octet = (uint8_t)*reg(uart, URXD);
    return true;
}
