/* domain: the names that d=, s= and From carry. Compared without case; a trailing dot is no part of one. */
#ifndef ZEGEL_DKIM_DOMAIN_H
#define ZEGEL_DKIM_DOMAIN_H

#include "dkim/limits.h"
#include "base/bytes.h"

/* Letters, digits, hyphens, underscores and dots, labels of 1 to 63 octets, at most 253: RFC 1035 and RFC 6376 §3.5. */
bool domain_is_valid(struct bytes d);
/* The same, or with U-labels: well-formed UTF-8 for letters (RFC 8616 §3). Whether IDNA2008 allows them is idna.h's. */
bool domain_is_international(struct bytes d);
/* `child` is `parent` or lies below it, at a label boundary. */
bool domain_is_within(struct bytes child, struct bytes parent);

#endif
