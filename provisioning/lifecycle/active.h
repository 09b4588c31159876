/* active: what zegeld is told (STATE/active.yaml). What it says of that is in nodes.h. */
#ifndef ZEGEL_LIFECYCLE_ACTIVE_H
#define ZEGEL_LIFECYCLE_ACTIVE_H

#include "config/config.h"
#include "lifecycle/store.h"

/* Writes active.yaml as the store has it: for each domain of the configuration that rotates and has a generation that signs. Does
 * nothing when it says so already. */
int active_write(struct store *s, const struct config *c, struct buf *why);

#endif
