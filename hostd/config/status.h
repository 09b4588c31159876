/* status: where zegel-status may be asked. */
#ifndef ZEGEL_CONFIG_STATUS_H
#define ZEGEL_CONFIG_STATUS_H

#include "config/config.h"

/* status:, with its defaults; needs state: and listen:. ZEGEL_ERR_CONFIG and one line in `why`. */
int status_check(struct config *c, const char *file, struct buf *why);

#endif
