/* dispatch: which worker of a token has which request, and what came of it. */
#ifndef ZEGEL_SIGNER_DISPATCH_H
#define ZEGEL_SIGNER_DISPATCH_H

#include "signer/state.h"

/* What can be sent now is. */
void dispatch_send(struct signer *s);
/* An answer of that worker. */
void dispatch_take(struct signer *s, unsigned token, unsigned number, struct bytes packet);
/* That worker is gone, or another process has come in its place. */
void dispatch_worker_lost(struct signer *s, unsigned token, unsigned number);
/* Has a checkpoint of the audit log signed when one is due. */
void dispatch_checkpoint(struct signer *s);
/* Milliseconds until something must be done though nobody says anything. */
int dispatch_timeout(const struct signer *s);

#endif
