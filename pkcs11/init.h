/* init: make a token out of an empty slot. */
#ifndef ZEGEL_INIT_H
#define ZEGEL_INIT_H

#include "pkcs11/token.h"

/* C_InitToken on the first slot without a token of ours on it, then C_InitPIN. ZEGEL_ERR_EXISTS when a token of that label is
 * there already; ZEGEL_ERR_TOKEN_GONE when no slot is free. `serial` becomes the new token's serial number. */
int token_init(struct module *m, const char *label, struct bytes so_pin, struct bytes pin, char serial[17], struct buf *why);
/* C_SetPIN on a token that is logged in with `old`. The latch stays open: the old PIN was right. */
int token_change_pin(struct token *t, struct bytes old, struct bytes fresh, struct buf *why);

#endif
