/* name: domain names in the form DKIM uses (RFC 1035 §2.3.4, letters, digits, hyphen and underscore). */
#ifndef ZEGEL_CORE_NAME_H
#define ZEGEL_CORE_NAME_H

#include "core/span.h"

enum { NAME_LEN_MAX = 253, NAME_LABEL_MAX = 63 };

/* In the order of REASON_NAMES. */
enum name_fault { NAME_OK = -1, NAME_EMPTY, NAME_LONG, NAME_LABEL_EMPTY, NAME_LABEL_LONG, NAME_OCTET };

enum name_fault name_check(struct span name);
/* `name` is `parent` or a name below it. Both have passed name_check. */
bool name_within(struct span name, struct span parent);

#endif
