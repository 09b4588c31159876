/* blockcheck: the signer is not an oracle (DESIGN §2 rule 2). Parses the canonical header block again, strictly, and says
 * whether this key may sign it. Pure: the clock is a parameter. */
#ifndef ZEGEL_SIGNER_BLOCKCHECK_H
#define ZEGEL_SIGNER_BLOCKCHECK_H

#include "config/config.h"
#include "dkim/sigheader.h"

enum { BLOCKCHECK_CLOCK_S = 60 }; /* t= may be this far from our clock */

/* NULL when it may be signed; otherwise why not, one static clause. `sig` holds what was read. */
const char *blockcheck(struct bytes block, const struct config_domain *d, const struct config_key *k, int64_t now,
                       struct sigheader *sig);

#endif
