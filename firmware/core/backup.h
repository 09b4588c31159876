/* backup: keys that may leave, wrapped, and the domain that they are wrapped for: a key of 32 octets that tokens of one owner
 * share. It comes to be in a token and leaves it once, as m shares of which n make it again (Shamir, over GF(2^8) per octet);
 * fewer say nothing about it. There is one domain, for good: it goes with the factory reset, which takes all keys along. So an
 * administrator alone cannot wrap a key for a domain of their own making: a key may leave only if that was chosen when it was
 * made, and then for the domain that there was: the key says which, so that it stays when the domain was taken out of the store
 * and another one made. */
#ifndef ZEGEL_CORE_BACKUP_H
#define ZEGEL_CORE_BACKUP_H

#include "core/keys.h"

enum { BACKUP_SHARES_MAX = 16, BACKUP_ID = KEY_BACKUP_LEN, BACKUP_SHARE = 4 + BACKUP_ID + 32 + 4 };

/* From the store. -1 when the medium fails. */
__attribute__((warn_unused_result)) int backup_open(void);
/* With the factory reset, and what was begun and not ended too. */
__attribute__((warn_unused_result)) int backup_delete(void);
/* What was begun and not ended. */
void backup_forget(void);
/* NULL: there is no domain. */
const uint8_t *backup_id(void);

/* A new domain; it counts when the last share has been read. n of m, 2 <= n <= m <= 16. */
enum sw backup_new(unsigned n, unsigned m);
/* Share number 1 to m, once: version 1 ‖ n ‖ m ‖ number ‖ id (8) ‖ share (32) ‖ the first 4 octets of the SHA-256 of all before.
 */
enum sw backup_share(unsigned number, struct tlv_out *out);
/* One share of a domain that another token made; out: how many are missing still. With the last one the domain counts here. */
enum sw backup_join(struct span share, struct tlv_out *out);
/* The key with its binding, wrapped; and such a box as a key again, its binding included. */
enum sw backup_export(unsigned index, struct tlv_out *out);
enum sw backup_restore(unsigned index, struct span box);

#endif
