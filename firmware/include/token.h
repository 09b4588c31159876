/* token: the core as a port sees it. One token per program; the core's state is static and made anew by token_boot.
 *
 * A port calls: crypto_init, token_boot, then for ever: token_reset when the reader powers the card up or resets it, token_apdu
 * for each command, token_idle when nothing came for a while. Nothing here blocks but for the time it computes. */
#ifndef ZEGEL_TOKEN_H
#define ZEGEL_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#define TOKEN_VERSION "0.1"
#define TOKEN_ATR_MAX 33
#define TOKEN_COMMAND_MAX 4096  /* octets of one command APDU, extended length (ISO 7816-4) */
#define TOKEN_RESPONSE_MAX 4096 /* octets of one response with its status word */

/* Loads the state from the block store, or makes a new one in an empty store. 0, or negative when the store failed or is not one
 * of ours: the port panics, for a token that lost its counters must not sign. */
__attribute__((warn_unused_result)) int token_boot(void);
/* The answer to reset (ISO 7816-3); returns its length. Forgets who was verified and what was selected. */
size_t token_reset(uint8_t atr[TOKEN_ATR_MAX]);
/* One command. Returns the length of the response, 2 to TOKEN_RESPONSE_MAX: whatever comes in, a status word goes out. A command
 * longer than TOKEN_COMMAND_MAX may be handed in; it is answered with 6700. `in` and `out` do not overlap. */
size_t token_apdu(const uint8_t *in, size_t len, uint8_t out[TOKEN_RESPONSE_MAX]);
/* When no command is waiting; at least every second. For work that nobody should wait for. */
void token_idle(void);

#endif
