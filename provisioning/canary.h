/* canary: a message that nobody gets, signed by the running daemon as any mail of the domain, and verified with what DNS has. */
#ifndef ZEGEL_CANARY_H
#define ZEGEL_CANARY_H

#include "check/check.h"

/* Through the first of listen: that may sign for this domain and is there. ZEGEL_OK, whatever came of it, or ZEGEL_ERR_NOMEM. */
int canary_send(const struct config *c, const struct config_domain *d, struct observe *dns, struct check_canary *out);

#endif
