/* pin: where a token's PIN comes from. */
#ifndef ZEGEL_SUPERVISOR_PIN_H
#define ZEGEL_SUPERVISOR_PIN_H

#include "config/config.h"

/* file:PATH (not readable by others), credential:NAME (systemd's $CREDENTIALS_DIRECTORY). One trailing line break is no part
 * of the PIN, which is read into locked memory (buf_lock). ZEGEL_ERR_SYSTEM where there is none, ZEGEL_ERR_CONFIG and a line in
 * `why` for prompt and for what cannot be read; "pinpad" yields an empty PIN. */
int pin_read(const struct config_token *t, struct buf *pin, struct buf *why);

#endif
