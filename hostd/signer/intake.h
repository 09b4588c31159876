/* intake: what a milter process asks for is judged, and waits for its turn at the token. */
#ifndef ZEGEL_SIGNER_INTAKE_H
#define ZEGEL_SIGNER_INTAKE_H

#include "signer/state.h"

void intake_take(struct signer *s, struct milter *m, struct bytes packet);

#endif
