/* See store.h. */
#include "port/native/store.h"

#include "hal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCKS 8192 /* 4 MiB */
#define PENDING_MAX 64

static int store = -1;

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

void store_open(const char *path)
{
    store = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store < 0 || flock(store, LOCK_EX | LOCK_NB) != 0 || ftruncate(store, (off_t)BLOCKS * HAL_BLOCK_SIZE) != 0) {
        fprintf(stderr, "zegel-token-native: %s cannot be the store: %s\n", path,
                errno == EWOULDBLOCK ? "another token has it open" : strerror(errno));
        exit(2);
    }
}

void store_cut(uint64_t write, uint64_t chance)
{
    cut.writes_left = write;
    cut.chance = chance;
}

uint32_t hal_block_count(void)
{
    return BLOCKS;
}

int hal_block_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE])
{
    if (block >= BLOCKS)
        return HAL_ERANGE;
    for (uint32_t i = cut.count; i-- > 0;) {
        if (cut.pending[i].block == block) {
            memcpy(out, cut.pending[i].data, HAL_BLOCK_SIZE);
            return HAL_OK;
        }
    }
    return pread(store, out, HAL_BLOCK_SIZE, (off_t)block * HAL_BLOCK_SIZE) == HAL_BLOCK_SIZE ? HAL_OK : HAL_EIO;
}

static int write_now(uint32_t block, const uint8_t *in, size_t len)
{
    return pwrite(store, in, len, (off_t)block * HAL_BLOCK_SIZE) == (ssize_t)len ? HAL_OK : HAL_EIO;
}

_Noreturn static void power_fails(void)
{
    for (uint32_t i = 0; i < cut.count; i++, cut.chance = cut.chance >> 2 | cut.chance << 62) {
        static const size_t kept[4] = {HAL_BLOCK_SIZE, 0, HAL_BLOCK_SIZE / 2, 3};

        (void)write_now(cut.pending[i].block, cut.pending[i].data, kept[cut.chance & 3]);
    }
    _exit(99);
}

static int write_pending(void)
{
    int result = HAL_OK;

    for (uint32_t i = 0; i < cut.count && result == HAL_OK; i++)
        result = write_now(cut.pending[i].block, cut.pending[i].data, HAL_BLOCK_SIZE);
    cut.count = 0;
    return result;
}

int hal_block_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE])
{
    if (block >= BLOCKS)
        return HAL_ERANGE;
    if (cut.writes_left == 0)
        return write_now(block, in, HAL_BLOCK_SIZE);
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
    return write_pending() == HAL_OK && fdatasync(store) == 0 ? HAL_OK : HAL_EIO;
}
