/* vpcd: the card's side of the protocol of vsmartcard's reader driver, octet by octet, over whatever carries them: a frame is a
 * length of two octets (big-endian) and so many octets; one octet is a control (power off, on, reset, "which ATR?"), more are a
 * command APDU.
 *
 * Whatever comes in, the state stays within its bounds: what is too long is swallowed whole and answered as too long. */
#ifndef ZEGEL_PORT_VPCD_H
#define ZEGEL_PORT_VPCD_H

#include "token.h"

#include <stdbool.h>

#define VPCD_REPLY_MAX (2 + TOKEN_RESPONSE_MAX)

struct vpcd {
    uint8_t frame[TOKEN_COMMAND_MAX + 1]; /* one more than a command may have: "too long" can be seen */
    uint8_t reply[VPCD_REPLY_MAX];
    uint8_t atr[TOKEN_ATR_MAX];
    size_t atr_len;
    uint32_t header; /* octets of the length that have come */
    uint32_t len;    /* octets of this frame */
    uint32_t have;   /* of them so far */
};

/* Resets the token: a card that was just put in. */
void vpcd_init(struct vpcd *v);
/* One octet from the reader. Returns how many octets of v->reply to send back now; mostly 0. */
size_t vpcd_octet(struct vpcd *v, uint8_t octet);

#endif
