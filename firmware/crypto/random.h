/* random: what the rest of crypto needs of the generator, and the core does not. */
#ifndef ZEGEL_CRYPTO_RANDOM_H
#define ZEGEL_CRYPTO_RANDOM_H

#include "crypto.h"

#include <bearssl.h>

/* Seeds from hal_entropy and gives libsodium this generator. */
CRYPTO_MUST int random_init(void);
/* Stirs in fresh entropy: before a key is made. */
CRYPTO_MUST int random_reseed(void);
/* The generator as BearSSL's key generation takes it. */
const br_prng_class **random_prng(void);

#endif
