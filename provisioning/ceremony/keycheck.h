/* keycheck: is this public key one that an honest token makes? Looks at the key alone. */
#ifndef ZEGEL_CEREMONY_KEYCHECK_H
#define ZEGEL_CEREMONY_KEYCHECK_H

#include "base/buf.h"
#include "ceremony/plan.h"

/* Type and size as planned, and nothing that pkcs11/rsacheck.h finds. ZEGEL_ERR_KEY_UNUSABLE and the reason if not. */
int keycheck(struct bytes spki, enum plan_algorithm want, struct buf *why);

#endif
