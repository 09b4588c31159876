/* keyforget: the signer takes only the public key that it knows of a key (hostd/signer/keyring.h). For one that is destroyed, or
 * was replaced on purpose, this ends. */
#ifndef ZEGEL_PROVISIONING_KEYFORGET_H
#define ZEGEL_PROVISIONING_KEYFORGET_H

#include "config/config.h"

/* From its next start the signer takes the public key that the token then shows. What is not configured, or was never used, there
 * is nothing to forget of. ZEGEL_OK, or an error with a line in `why`. *count: of how many. */
int keyforget(const struct config *c, const char *domain, const char *selector, unsigned *count, struct buf *why);

#endif
