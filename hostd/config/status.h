/* status: where zegel-status may be asked, and where the log goes. */
#ifndef ZEGEL_CONFIG_STATUS_H
#define ZEGEL_CONFIG_STATUS_H

#include "config/config.h"

/* status:, with its defaults, and log:; needs state: and listen:. ZEGEL_ERR_CONFIG and one line in `why`. */
int status_check(struct config *c, const char *file, struct buf *why);
/* A day as "2026-11-25" in seconds since 1970, at its beginning in UTC; -1: it is none. NULL: 0. */
int64_t status_day(const char *text);

#endif
