/* device: what a token keeps from its first start to its last: its attestation key, and whether it was terminated. */
#ifndef ZEGEL_CORE_DEVICE_H
#define ZEGEL_CORE_DEVICE_H

#include "core/sw.h"
#include "crypto.h"

/* Counts this boot and stirs the count into the random numbers. */
__attribute__((warn_unused_result)) int device_open(void);
/* Makes the attestation key. The store is set up when this returned 0. */
__attribute__((warn_unused_result)) int device_format(void);
uint64_t device_boots(void);
bool device_terminated(void);
enum sw device_set_terminated(bool terminated);
void device_public(uint8_t public[32]);
enum sw device_sign(const void *message, size_t len, uint8_t signature[CRYPTO_ED25519_SIG]);

#endif
