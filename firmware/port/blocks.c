/* See blocks.h. */
#include "port/blocks.h"

#include <string.h>

#define PENDING_MAX 64

/* Only while a power cut is ahead: what was written and not flushed. */
static struct {
    uint64_t writes_left; /* 0: none is ahead */
    uint64_t chance;
    uint32_t count;
    struct {
        uint32_t block;
        uint8_t data[HAL_BLOCK_SIZE];
    } pending[PENDING_MAX];
} cut;

void blocks_cut(uint64_t write, uint64_t chance)
{
    cut.writes_left = write;
    cut.chance = chance;
}

uint32_t hal_block_count(void)
{
    return BLOCKS_COUNT;
}

int hal_block_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE])
{
    if (block >= BLOCKS_COUNT)
        return HAL_ERANGE;
    for (uint32_t i = cut.count; i-- > 0;) {
        if (cut.pending[i].block == block) {
            memcpy(out, cut.pending[i].data, HAL_BLOCK_SIZE);
            return HAL_OK;
        }
    }
    return medium_read(block, out);
}

/* The first `kept` octets are new, the others as they were. */
static void write_torn(uint32_t block, const uint8_t *in, size_t kept)
{
    uint8_t data[HAL_BLOCK_SIZE];

    if (medium_read(block, data) != HAL_OK)
        return;
    memcpy(data, in, kept);
    (void)medium_write(block, data);
}

_Noreturn static void power_fails(void)
{
    static const size_t kept[4] = {HAL_BLOCK_SIZE, 0, HAL_BLOCK_SIZE / 2, 3};

    for (uint32_t i = 0; i < cut.count; i++, cut.chance = cut.chance >> 2 | cut.chance << 62)
        write_torn(cut.pending[i].block, cut.pending[i].data, kept[cut.chance & 3]);
    medium_power_off();
}

static int write_pending(void)
{
    int result = HAL_OK;

    for (uint32_t i = 0; i < cut.count && result == HAL_OK; i++)
        result = medium_write(cut.pending[i].block, cut.pending[i].data);
    cut.count = 0;
    return result;
}

int hal_block_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE])
{
    if (block >= BLOCKS_COUNT)
        return HAL_ERANGE;
    if (cut.writes_left == 0)
        return medium_write(block, in);
    if (cut.count == PENDING_MAX && write_pending() != HAL_OK)
        return HAL_EIO;
    cut.pending[cut.count].block = block;
    memcpy(cut.pending[cut.count].data, in, HAL_BLOCK_SIZE);
    cut.count++;
    if (--cut.writes_left == 0)
        power_fails();
    return HAL_OK;
}

int hal_block_flush(void)
{
    return write_pending() == HAL_OK ? medium_flush() : HAL_EIO;
}
