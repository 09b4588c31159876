/* selftest: known answers, at every power-up. */
#ifndef ZEGEL_CRYPTO_SELFTEST_H
#define ZEGEL_CRYPTO_SELFTEST_H

#include "crypto.h"

/* Says the result of each through hal_log; CRYPTO_EVERIFY when one is not what it has to be. */
CRYPTO_MUST int selftest_run(void);

#endif
