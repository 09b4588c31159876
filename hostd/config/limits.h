/* limits: how much each key, front end and domain may sign, and which front end may sign for whom. */
#ifndef ZEGEL_CONFIG_LIMITS_H
#define ZEGEL_CONFIG_LIMITS_H

#include "config/config.h"

/* limits:, domains.limit, front-ends:. Needs the domains in order. ZEGEL_ERR_CONFIG and one line in `why`. */
int limits_check(struct config *c, const char *file, struct buf *why);

#endif
