/* lookup: key records, from a zone file or from DNS. Both fit dkim/verify.h's verify_key_lookup. */
#ifndef ZEGEL_LOOKUP_H
#define ZEGEL_LOOKUP_H

#include <ldns/ldns.h>

#include "base/buf.h"
#include "dkim/verify.h"
#include "dns/observe.h"

/* The whole file, or NULL with "FILE:LINE: why" in `why`. The caller frees with ldns_zone_deep_free. */
ldns_zone *lookup_zone_read(const char *path, struct buf *why);
enum verify_key_status lookup_in_zone(void *zone, const char *name, struct verify_key *key);
/* `observe`: an open struct observe, whose deadline bounds each look-up. */
enum verify_key_status lookup_in_dns(void *observe, const char *name, struct verify_key *key);

#endif
