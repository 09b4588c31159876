/* hal_ram: a port that lives in memory, for unit tests and fuzzing. Entropy is a count, so that every run is the same; time
 * stands still until it is moved. */
#ifndef ZEGEL_HAL_RAM_H
#define ZEGEL_HAL_RAM_H

#include "hal.h"

/* An empty store, time 0, no cut. */
void hal_ram_reset(void);
void hal_ram_advance_ms(uint64_t ms);
/* Remember the store as it is; and have it again, at time 0 and without a cut. */
void hal_ram_keep(void);
void hal_ram_again(void);
uint8_t *hal_ram_block(uint32_t block); /* HAL_BLOCK_SIZE octets, to look at or to damage */
uint64_t hal_ram_writes(void);          /* since the reset */

/* Power fails at the `write`-th write from now (1 is the next), which is lost, torn or kept as `chance` & 3 says; from then on
 * every call of the store is HAL_EIO, until hal_ram_power_on. 0: never. */
void hal_ram_cut(uint64_t write, uint64_t chance);
bool hal_ram_power_is_off(void);
void hal_ram_power_on(void);

#endif
