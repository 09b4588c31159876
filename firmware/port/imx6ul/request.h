/* request: what a test asks of the image before it starts, in block 1 of the card: eight letters, then numbers of 8 octets,
 * little-endian. "ZEGELCUT" write chance: power fails there (port/blocks.h). "ZEGELRUN" count: says how long so many RSA-2048
 * operations take. */
#ifndef ZEGEL_IMX6UL_REQUEST_H
#define ZEGEL_IMX6UL_REQUEST_H

/* Needs crypto and the card. Nothing asked: nothing done. */
void request_of_test(void);

#endif
