/* The rest of the native port's hal: time, entropy, the log on standard error. Built twice: with ZEGEL_DEV_SEED all that is
 * random is constant, and hal_dev_seed says so. */
#include "hal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

uint64_t hal_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#ifdef ZEGEL_DEV_SEED
bool hal_dev_seed(void)
{
    return true;
}

int hal_entropy(uint8_t *out, size_t len)
{
    memset(out, 'D', len);
    return HAL_OK;
}
#else
bool hal_dev_seed(void)
{
    return false;
}

int hal_entropy(uint8_t *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? HAL_OK : HAL_EIO;
}
#endif

/* There is nothing outside the store that this machine would keep for us. The version says so. */
int hal_device_secret(uint8_t out[32])
{
    memset(out, 'S', 32);
    return HAL_OK;
}

uint32_t hal_serial(void)
{
    return 0;
}

const char *hal_version(void)
{
    return hal_dev_seed() ? "native, dev-seed, store not wrapped" : "native, store not wrapped";
}

void hal_log(const char *line)
{
    fprintf(stderr, "token: %s\n", line);
}

_Noreturn void hal_panic(const char *why)
{
    fprintf(stderr, "token: PANIC: %s\n", why);
    exit(98);
}
