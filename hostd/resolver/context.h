/* context: libunbound, set up to validate. */
#ifndef ZEGEL_RESOLVER_CONTEXT_H
#define ZEGEL_RESOLVER_CONTEXT_H

#include <unbound.h>

#include "base/buf.h"

#define CONTEXT_ROOT_ANCHOR "/usr/share/dns/root.key"

/* `resolver`: a file in the form of unbound.conf(5), which then says all; NULL: the servers of /etc/resolv.conf, and Debian's
 * trust anchor. Questions are worked on by a thread, so that they can be given up. NULL with a line in `why`; the caller deletes.
 */
struct ub_ctx *context_open(const char *resolver, struct buf *why);

/* The RDATA of a TXT record as one text, its strings joined (RFC 6376 §3.6.2.2), into `text`. Returns its length, or SIZE_MAX
 * when the strings do not fill the RDATA or there are more than `cap` octets. */
size_t context_txt(struct bytes rdata, uint8_t *text, size_t cap);

#endif
