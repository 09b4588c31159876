/* from: the author domain of a From field (RFC 5322 §3.4, §3.6.2). Strict: what two parsers could read in two ways has no
 * author domain, so that nothing is signed that a receiver may show as somebody else (CVE-2020-12272). */
#ifndef ZEGEL_DKIM_FROM_H
#define ZEGEL_DKIM_FROM_H

#include "base/bytes.h"

enum from_result {
    FROM_OK,
    FROM_MALFORMED, /* not a mailbox-list we can read in only one way */
    FROM_AMBIGUOUS, /* mailboxes of different domains */
};

/* `value`: all behind "From:". *domain is a view into it, valid when FROM_OK; it may have
 * U-labels (RFC 6532), which idna.h compares with A-labels. Obsolete forms are malformed: routes,
 * groups, domain literals, comments or white space inside an address. */
enum from_result from_domain(struct bytes value, struct bytes *domain);

#endif
