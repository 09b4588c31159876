/* place: where a record is changed: behind a CNAME, and in which zone. */
#ifndef ZEGEL_DNS_PLACE_H
#define ZEGEL_DNS_PLACE_H

#include "dns/observe.h"

/* The zone and the name to change for `name`: a CNAME leads to both. ZEGEL_ERR_SYSTEM and one line in `why`. */
int place_find(struct observe *o, const char *name, struct buf *zone, struct buf *target, struct buf *why);

#endif
