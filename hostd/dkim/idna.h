/* idna: U-labels and A-labels (RFC 5890, RFC 8616). One implementation: idna_libidn2.c. */
#ifndef ZEGEL_DKIM_IDNA_H
#define ZEGEL_DKIM_IDNA_H

#include "dkim/out.h"

/* Appends `name` with A-labels for U-labels; ASCII stays as it is. False when IDNA2008 does not allow it (RFC 5891 §5), or when
 * it does not fit. */
bool idna_ascii(struct bytes name, struct out *out);
/* One name, in U-labels or in A-labels, in any case. */
bool idna_is_same(struct bytes a, struct bytes b);
/* `child` is `parent` or lies below it, U-labels and A-labels being the same (RFC 8616 §3). Both are names of domain.h. */
bool idna_is_within(struct bytes child, struct bytes parent);

#endif
