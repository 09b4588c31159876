/* hal: what a port gives to the core and to crypto. One implementation per port (port/native, port/imx6ul); none of it allocates.
 *
 * Results: HAL_OK, or a negative hal_error. What is returned must be looked at. */
#ifndef ZEGEL_HAL_H
#define ZEGEL_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hal_error {
    HAL_OK = 0,
    HAL_EIO = -1,    /* the medium failed; what a failed write left in that block is unknown */
    HAL_ERANGE = -2, /* no such block */
};

/* ---- block store: the persistent memory. A write is atomic per block or leaves anything in that one block (power may fail at
 * any moment); it is durable, in any order, only after hal_block_flush returned HAL_OK. A store never written reads as zeros. */
#define HAL_BLOCK_SIZE 512

uint32_t hal_block_count(void); /* at least HAL_BLOCK_COUNT_MIN, the same at every boot */
#define HAL_BLOCK_COUNT_MIN 2048
__attribute__((warn_unused_result)) int hal_block_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE]);
__attribute__((warn_unused_result)) int hal_block_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE]);
__attribute__((warn_unused_result)) int hal_block_flush(void);

/* ---- time: milliseconds since power-up; never goes back. No wall clock: the token has none it could trust. */
uint64_t hal_now_ms(void);

/* ---- secrets of the device */
/* Fills `out` with entropy for seeding (at most 64 octets a call). Where hal_dev_seed() is true these are constants. */
__attribute__((warn_unused_result)) int hal_entropy(uint8_t *out, size_t len);
/* A secret of this one device that is not in the block store, to wrap what is. Constant where hal_dev_seed() is true. The caller
 * wipes it. */
__attribute__((warn_unused_result)) int hal_device_secret(uint8_t out[32]);
/* True: no key made on this device is secret. Must be visible in the AID and in the version string. */
bool hal_dev_seed(void);
/* Serial number for the AID; 0 where the port knows none. */
uint32_t hal_serial(void);

/* What runs, for the version string: "imx6ul qemu", "native"; and what of it was never shown on hardware. ASCII, static, < 100
 * octets. */
const char *hal_version(void);

/* ---- diagnostics */
/* One line of ASCII, without newline, never a secret. */
void hal_log(const char *line);
/* The last line; then the port stops and answers nothing until power is cycled. */
_Noreturn void hal_panic(const char *why);

#endif
