/* ask: the running daemon, by zegel-status' HTTP on a socket of this machine. */
#ifndef ZEGEL_ASK_H
#define ZEGEL_ASK_H

#include "config/config.h"

/* The body of GET `path` from the first of status.listen that answers. ZEGEL_OK; ZEGEL_ERR_CLOSED (zegeld does not run) or
 * ZEGEL_ERR_SYSTEM, with one line in `why`. */
int ask(const struct config *c, const char *path, struct buf *body, struct buf *why);

#endif
