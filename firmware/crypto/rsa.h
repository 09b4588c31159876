/* rsa: what signing and key-making share. */
#ifndef ZEGEL_CRYPTO_RSA_H
#define ZEGEL_CRYPTO_RSA_H

#include "crypto.h"

#include <bearssl.h>

/* BearSSL's engine for the processor: 62-bit limbs need a 64 x 64 -> 128 multiplication. Both give the same octets. */
#if __SIZEOF_POINTER__ == 8
#define RSA_ENGINE(operation) br_rsa_i62_##operation
#else
#define RSA_ENGINE(operation) br_rsa_i31_##operation
#endif

void rsa_exponent(uint32_t e, uint8_t out[4]);
/* x^e mod n, in place, bits/8 octets. */
CRYPTO_MUST int rsa_public_op(const struct crypto_rsa_public *key, uint8_t *x);

#endif
