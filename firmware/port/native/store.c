/* See store.h. */
#include "port/native/store.h"

#include "port/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int store = -1;

void store_open(const char *path)
{
    store = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store < 0 || flock(store, LOCK_EX | LOCK_NB) != 0 || ftruncate(store, (off_t)BLOCKS_COUNT * HAL_BLOCK_SIZE) != 0) {
        fprintf(stderr, "zegel-token-native: %s cannot be the store: %s\n", path,
                errno == EWOULDBLOCK ? "another token has it open" : strerror(errno));
        exit(2);
    }
}

int medium_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE])
{
    return pread(store, out, HAL_BLOCK_SIZE, (off_t)block * HAL_BLOCK_SIZE) == HAL_BLOCK_SIZE ? HAL_OK : HAL_EIO;
}

int medium_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE])
{
    return pwrite(store, in, HAL_BLOCK_SIZE, (off_t)block * HAL_BLOCK_SIZE) == HAL_BLOCK_SIZE ? HAL_OK : HAL_EIO;
}

int medium_flush(void)
{
    return fdatasync(store) == 0 ? HAL_OK : HAL_EIO;
}

_Noreturn void medium_power_off(void)
{
    _exit(99);
}
