/* current: the configuration in force. A message keeps the one it began with; it lives until the last such message is over. */
#ifndef ZEGEL_MILTER_CURRENT_H
#define ZEGEL_MILTER_CURRENT_H

#include "config/config.h"

struct current; /* a configuration, and how many use it */

/* In force from now on. Takes `c` over. False: no memory, and what was in force stays so, which is nothing at the start. */
bool current_set(struct config *c);
struct current *current_acquire(void);
void current_release(struct current *c); /* NULL: nothing */
const struct config *current_config(const struct current *c);

#endif
