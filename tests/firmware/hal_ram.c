/* See hal_ram.h. */
#include "firmware/hal_ram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 4096

static struct {
    uint8_t blocks[BLOCKS][HAL_BLOCK_SIZE];
    uint64_t now_ms, writes, cut_at, chance;
    bool off;
    uint8_t entropy;
} ram;
static uint8_t kept[BLOCKS][HAL_BLOCK_SIZE];
static bool changed[BLOCKS]; /* since it was kept */

void hal_ram_reset(void)
{
    memset(&ram, 0, sizeof ram);
}

void hal_ram_keep(void)
{
    memcpy(kept, ram.blocks, sizeof kept);
    memset(changed, 0, sizeof changed);
}

void hal_ram_again(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (changed[i])
            memcpy(ram.blocks[i], kept[i], HAL_BLOCK_SIZE);
    memset(changed, 0, sizeof changed);
    ram.now_ms = ram.writes = ram.cut_at = ram.chance = 0;
    ram.off = false;
    ram.entropy = 0;
}

void hal_ram_advance_ms(uint64_t ms)
{
    ram.now_ms += ms;
}

uint8_t *hal_ram_block(uint32_t block)
{
    changed[block] = true;
    return ram.blocks[block];
}

uint64_t hal_ram_writes(void)
{
    return ram.writes;
}

void hal_ram_cut(uint64_t write, uint64_t chance)
{
    ram.cut_at = write == 0 ? 0 : ram.writes + write;
    ram.chance = chance;
}

bool hal_ram_power_is_off(void)
{
    return ram.off;
}

void hal_ram_power_on(void)
{
    ram.off = false;
    ram.cut_at = 0;
}

uint32_t hal_block_count(void)
{
    return BLOCKS;
}

int hal_block_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE])
{
    if (block >= BLOCKS)
        return HAL_ERANGE;
    if (ram.off)
        return HAL_EIO;
    memcpy(out, ram.blocks[block], HAL_BLOCK_SIZE);
    return HAL_OK;
}

int hal_block_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE])
{
    static const size_t parts[4] = {0, HAL_BLOCK_SIZE / 2, 3, HAL_BLOCK_SIZE};

    if (block >= BLOCKS)
        return HAL_ERANGE;
    if (ram.off)
        return HAL_EIO;
    changed[block] = true;
    ram.off = ++ram.writes == ram.cut_at;
    memcpy(ram.blocks[block], in, ram.off ? parts[ram.chance & 3] : HAL_BLOCK_SIZE);
    return ram.off ? HAL_EIO : HAL_OK;
}

int hal_block_flush(void)
{
    return ram.off ? HAL_EIO : HAL_OK;
}

uint64_t hal_now_ms(void)
{
    return ram.now_ms;
}

int hal_entropy(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = ram.entropy++;
    return HAL_OK;
}

int hal_device_secret(uint8_t out[32])
{
    memset(out, 'S', 32);
    return HAL_OK;
}

bool hal_dev_seed(void)
{
    return true;
}

uint32_t hal_serial(void)
{
    return 0;
}

const char *hal_version(void)
{
    return "memory, dev-seed";
}

void hal_log(const char *line)
{
    (void)line;
}

_Noreturn void hal_panic(const char *why)
{
    fprintf(stderr, "hal_ram: PANIC: %s\n", why);
    abort();
}
