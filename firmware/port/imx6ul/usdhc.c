/* uSDHC (IMX6ULRM, 58) and an SD card (Physical Layer Simplified Specification, 4.2 identification, 4.3 transfer), single blocks,
 * no DMA. */
#include "port/imx6ul/imx6ul.h"

enum {
    BLK_ATT = 0x04,
    CMD_ARG = 0x08,
    CMD_XFR_TYP = 0x0C,
    CMD_RSP0 = 0x10,
    DATA_PORT = 0x20,
    PRES_STATE = 0x24,
    PROT_CTRL = 0x28,
    SYS_CTRL = 0x2C,
    INT_STATUS = 0x30,
    INT_STATUS_EN = 0x34,
    WTMK_LVL = 0x44,
    MIX_CTRL = 0x48,
};
enum {
    PRES_CIHB = 1 << 0,
    PRES_CDIHB = 1 << 1,
    INT_CC = 1 << 0,
    INT_TC = 1 << 1,
    INT_BWR = 1 << 4,
    INT_BRR = 1 << 5,
    INT_ERRORS = 0x117F0000,
    SYS_RSTA = 1 << 24,
    SYS_INITA = 1 << 27,
    SYS_SLOW = 0x000E801F, /* identification: 198 MHz / 256 / 2 = 387 kHz */
    SYS_FAST = 0x000E040F, /* 198 MHz / 8 = 24.75 MHz */
    MIX_READ = 1 << 4,
    PROT_LITTLE_ENDIAN = 2 << 4,
};
/* Command types: response length and what of it is checked; 0x20: with data. */
enum { R0 = 0x00, R1 = 0x1A, R1B = 0x1B, R2 = 0x09, R3 = 0x02, DATA = 0x20 };
#define POLLS 4000000 /* longer than a card may take to program a block (250 ms) */
#define OCR_READY 0x80000000U
#define OCR_BLOCKS 0x40000000U /* a card that counts in blocks (more than 2 GB), not octets */

static uint32_t card_address; /* RCA, in the upper half */
static bool counts_blocks;

static int wait_for(uint32_t offset, uint32_t mask, uint32_t value)
{
    for (int i = 0; i < POLLS; i++)
        if ((*reg(IMX6UL_USDHC1, offset) & mask) == value)
            return 0;
    return -1;
}

/* Until one of `events` has come; an error bit ends it. */
static int wait_event(uint32_t events)
{
    for (int i = 0; i < POLLS; i++) {
        uint32_t status = *reg(IMX6UL_USDHC1, INT_STATUS);

        if ((status & INT_ERRORS) != 0)
            return -1;
        if ((status & events) != 0) {
            *reg(IMX6UL_USDHC1, INT_STATUS) = status & events;
            return 0;
        }
    }
    return -1;
}

static int command(uint32_t index, uint32_t type, uint32_t argument)
{
    if (wait_for(PRES_STATE, PRES_CIHB | PRES_CDIHB, 0) != 0)
        return -1;
    *reg(IMX6UL_USDHC1, INT_STATUS) = 0xFFFFFFFFU;
    *reg(IMX6UL_USDHC1, CMD_ARG) = argument;
    *reg(IMX6UL_USDHC1, CMD_XFR_TYP) = index << 24 | type << 16;
    return wait_event(INT_CC);
}

static uint32_t response(void)
{
    return *reg(IMX6UL_USDHC1, CMD_RSP0);
}

static int identify(void)
{
    uint32_t hcs = 0;

    if (command(0, R0, 0) != 0)
        return -1;
    if (command(8, R1, 0x1AA) == 0 && (response() & 0xFFF) == 0x1AA)
        hcs = OCR_BLOCKS;
    for (int i = 0; i < 10000; i++) {
        if (command(55, R1, 0) != 0 || command(41, R3, hcs | 0x00FF8000) != 0)
            return -1;
        if ((response() & OCR_READY) != 0) {
            counts_blocks = (response() & OCR_BLOCKS) != 0;
            return 0;
        }
    }
    return -1;
}

int sd_init(void)
{
    *reg(IMX6UL_USDHC1, SYS_CTRL) |= SYS_RSTA;
    if (wait_for(SYS_CTRL, SYS_RSTA, 0) != 0)
        return -1;
    *reg(IMX6UL_USDHC1, INT_STATUS_EN) = 0xFFFFFFFFU;
    *reg(IMX6UL_USDHC1, PROT_CTRL) = PROT_LITTLE_ENDIAN;
    *reg(IMX6UL_USDHC1, WTMK_LVL) = 128U << 16 | 128U; /* words: a whole block */
    *reg(IMX6UL_USDHC1, SYS_CTRL) = SYS_SLOW | SYS_INITA;
    if (wait_for(SYS_CTRL, SYS_INITA, 0) != 0 || identify() != 0)
        return -1;
    if (command(2, R2, 0) != 0 || command(3, R1, 0) != 0)
        return -1;
    card_address = response() & 0xFFFF0000U;
    *reg(IMX6UL_USDHC1, SYS_CTRL) = SYS_FAST;
    return command(7, R1B, card_address) != 0 || command(16, R1, 512) != 0 ? -1 : 0;
}

static int transfer(uint32_t index, uint32_t mix, uint32_t block)
{
    *reg(IMX6UL_USDHC1, BLK_ATT) = 1U << 16 | 512U;
    *reg(IMX6UL_USDHC1, MIX_CTRL) = mix;
    return command(index, R1 | DATA, counts_blocks ? block : block * 512);
}

int sd_read(uint32_t block, uint8_t out[512])
{
    if (transfer(17, MIX_READ, block) != 0 || wait_event(INT_BRR) != 0)
        return -1;
    for (size_t i = 0; i < 512; i += 4) {
        uint32_t word = *reg(IMX6UL_USDHC1, DATA_PORT);

        for (size_t j = 0; j < 4; j++)
            out[i + j] = (uint8_t)(word >> (8 * j));
    }
    return wait_event(INT_TC);
}

/* Not before the card is back in its transfer state is the block written. */
static int programmed(void)
{
    enum { READY = 1 << 8, STATE = 15 << 9, TRANSFER = 4 << 9 };

    for (int i = 0; i < POLLS / 100; i++) {
        if (command(13, R1, card_address) != 0)
            return -1;
        if ((response() & READY) != 0 && (response() & STATE) == TRANSFER)
            return 0;
    }
    return -1;
}

int sd_write(uint32_t block, const uint8_t in[512])
{
    if (transfer(24, 0, block) != 0 || wait_event(INT_BWR) != 0)
        return -1;
    for (size_t i = 0; i < 512; i += 4)
        *reg(IMX6UL_USDHC1, DATA_PORT) =
            (uint32_t)in[i] | (uint32_t)in[i + 1] << 8 | (uint32_t)in[i + 2] << 16 | (uint32_t)in[i + 3] << 24;
    return wait_event(INT_TC) != 0 ? -1 : programmed();
}
