/* from: the one author domain of a From field (RFC 5322 §3.4, §3.6.2). Rejects by default: what two parsers could read in two
 * ways, or what no mail program of today writes, has no author domain. Groups, routes, domain literals, several mailboxes and
 * white space or comments inside an address are refused. */
#ifndef ZEGEL_CORE_FROM_H
#define ZEGEL_CORE_FROM_H

#include "core/reason.h"
#include "core/span.h"

/* `value`: all behind "From:". *domain is a view into it, a valid name, when REASON_OK. Octets above 127 (RFC 6532) must be
 * UTF-8, stand outside the address, and be allowed. */
enum reason from_domain(struct span value, bool allow_8bit, struct span *domain);

#endif
