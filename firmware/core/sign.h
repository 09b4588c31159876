/* sign: the one place that decides whether a key signs. Every decision is in the ledger before its answer leaves. */
#ifndef ZEGEL_CORE_SIGN_H
#define ZEGEL_CORE_SIGN_H

#include "core/keys.h"

enum { TICKETS = 8, TICKET_LIFE_MS = 30000 };

/* A header block, whole: SW_OK and its signature; 69xx with the reason; SW_NOT_FOUND. */
enum sw sign_block(unsigned key, struct span block, struct tlv_out *signature);
/* The same checks for a key of policy `ticket`; instead of a signature, its hash may be given to sign_given once, within
 * TICKET_LIFE_MS. `hash` takes it. */
enum sw sign_ticket(unsigned key, struct span block, struct tlv_out *hash);
/* What the OpenPGP application is given: a DigestInfo or a message. Only a blind key signs it as it is; a key with tickets signs
 * what is the hash of one; all else is SW_CONDITIONS. */
enum sw sign_given(unsigned key, struct span t, struct tlv_out *signature);
/* What became of a key (LEDGER_KEY_MADE and the like), with the hash of its public half while it is there, in the ledger. Its
 * tickets are void. */
enum sw sign_key_event(unsigned key, uint8_t verdict);
/* The same of a key's end, and the end of it. */
enum sw sign_key_delete(unsigned key);
/* All tickets are void. */
void sign_forget(void);

#endif
