/* card: the data objects of the OpenPGP application (OpenPGP card 3.4 §4.4) that somebody writes and somebody reads. */
#ifndef ZEGEL_CORE_CARD_H
#define ZEGEL_CORE_CARD_H

#include "core/sw.h"
#include "core/tlv.h"

enum card_algorithm { CARD_RSA2048, CARD_RSA3072, CARD_RSA4096, CARD_ED25519, CARD_ALGORITHMS };

__attribute__((warn_unused_result)) int card_open(void);
__attribute__((warn_unused_result)) int card_format(void);
/* GET DATA and PUT DATA. Access is checked here, against the session. */
enum sw card_get(uint16_t tag, struct tlv_out *out);
enum sw card_put(uint16_t tag, struct span value);
/* The algorithm that the next key of a slot (0 SIG, 1 DEC, 2 AUT) will have. */
enum card_algorithm card_algorithm(unsigned slot);
/* Fingerprint and time of a slot; NULL: zeros, as without a key. */
enum sw card_set_fingerprint(unsigned slot, const uint8_t fingerprint[20]);

/* A key that another application made there: its algorithm and, from its hash, its fingerprint. */
enum sw card_show_key(unsigned slot, enum card_algorithm a, const uint8_t hash[32]);

void card_aid(struct tlv_out *out);

#endif
