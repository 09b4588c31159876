/* request: what a test asks of the image, in block 1 of the card: eight letters, then two numbers of 8 octets, little-endian.
 * "ZEGELCUT" write chance: power fails there (port/blocks.h). "ZEGELRUN" count: says how long so many signatures take, RSA-2048
 * by itself and as commands of either application. Nothing asked: nothing done. */
#ifndef ZEGEL_IMX6UL_REQUEST_H
#define ZEGEL_IMX6UL_REQUEST_H

/* Both need crypto and the card; the second one a new store, with the PINs it comes with. */
void request_before_boot(void);
void request_after_boot(void);

#endif
