/* blocks: the block store of hal.h over what a port calls its medium; and, for tests, power that fails at a write of one's
 * choice. */
#ifndef ZEGEL_PORT_BLOCKS_H
#define ZEGEL_PORT_BLOCKS_H

#include "hal.h"

#define BLOCKS_COUNT 8192 /* 4 MiB, in every port */

/* ---- what the port gives: whole blocks, below BLOCKS_COUNT; HAL_OK or HAL_EIO */
int medium_read(uint32_t block, uint8_t out[HAL_BLOCK_SIZE]);
int medium_write(uint32_t block, const uint8_t in[HAL_BLOCK_SIZE]);
int medium_flush(void);
_Noreturn void medium_power_off(void);

/* Power fails at the `write`-th write from now (1 is the next): of the writes since the last flush each is kept, lost or torn, as
 * the bits of `chance` will have it, and medium_power_off is called. For tests; an image for a board never calls it. */
void blocks_cut(uint64_t write, uint64_t chance);

#endif
