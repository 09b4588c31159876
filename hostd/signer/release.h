/* release: what was answered gets its audit record, and only then goes to who asked (DESIGN §2 rule 5). */
#ifndef ZEGEL_SIGNER_RELEASE_H
#define ZEGEL_SIGNER_RELEASE_H

#include "signer/state.h"

void release_answered(struct signer *s);

#endif
