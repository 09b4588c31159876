/* block: whether a key may sign a canonical header block (DESIGN §2 rule 2): the signed fields, each ended by CRLF, then the
 * DKIM-Signature with an empty b=, not ended. A parser of its own: it shares no code with the host's, so that a mistake there is
 * not one here. Pure: octets in, reason out; it keeps nothing. */
#ifndef ZEGEL_CORE_BLOCK_H
#define ZEGEL_CORE_BLOCK_H

#include "core/sig.h"

enum { BLOCK_MAX = 64 * 1024, BLOCK_FIELDS_MAX = 256, BLOCK_NAME_MAX = 76 };

/* REASON_OK: exactly these octets may be hashed and signed. */
enum reason block_check(struct span block, const struct sig_policy *policy);

#endif
