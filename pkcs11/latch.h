/* latch: a PIN the token rejected is never sent again until a person says so; survives restarts (DESIGN §2 rule 4).
 * One small file per token in STATE/pin. It never holds the PIN nor anything derived from it. */
#ifndef ZEGEL_LATCH_H
#define ZEGEL_LATCH_H

#include "base/buf.h"

enum latch_state { LATCH_OPEN, LATCH_TRYING, LATCH_REJECTED };

/* No file: LATCH_OPEN. An unreadable or strange file counts as LATCH_REJECTED: when in doubt, no PIN is sent. */
enum latch_state latch_read(const char *dir, const char *token_name);
/* Waits until no other process is between reading the latch and writing down the token's answer. A descriptor: close it to
 * unlock. -1 with a line in `why`. */
int latch_lock(const char *dir, const char *token_name, struct buf *why);
/* Durable (file and directory synced) before it returns. ZEGEL_OK or ZEGEL_ERR_SYSTEM, with a line in `why`. */
int latch_write(const char *dir, const char *token_name, enum latch_state state, struct buf *why);

#endif
