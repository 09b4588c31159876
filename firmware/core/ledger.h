/* ledger: what was signed, and how often. One entry per decision about a key, chained by hash, in a ring on the block store; and
 * from the same entries, the counters.
 *
 * An entry is durable before its signature is made: a signature that exists is in the log. Power that fails while an entry is
 * being written loses that entry and its number, never another: the numbers skip forward, never back. A snapshot of the counters
 * in the store and the entries behind it give, at boot, what was in memory. */
#ifndef ZEGEL_CORE_LEDGER_H
#define ZEGEL_CORE_LEDGER_H

#include "core/keys.h"

enum { LEDGER_HASH = CRYPTO_SHA256_LEN, LEDGER_ENTRY_MAX = 480 };

/* The verdict of an entry: 0 for a signature, a reason (reason.h) for a refusal, or one of these. */
enum {
    LEDGER_KEY_MADE = 0x81,
    LEDGER_KEY_IMPORTED = 0x82,
    LEDGER_KEY_DELETED = 0x83,
    LEDGER_TICKET = 0x84,
    LEDGER_RESET = 0x85,
    LEDGER_FAULT = 0x86,
    LEDGER_BLIND = 0x87,
    LEDGER_EXPORTED = 0x88,
    LEDGER_RESTORED = 0x89
};

struct ledger_counter {
    uint64_t signatures; /* of this slot, over all keys it ever had */
    uint64_t since;      /* `signatures` when its present key was made */
    uint32_t day_used;   /* signatures in the present day */
    uint32_t day_s;      /* seconds of power since that day began */
};

/* -1: the medium failed, or the whole ring is damaged. */
__attribute__((warn_unused_result)) int ledger_open(void);
/* An empty log. Only for a store that never had one. */
__attribute__((warn_unused_result)) int ledger_format(void);
/* Appends; counts a signature when the verdict is 0. -1: not durable, nothing may be signed. */
__attribute__((warn_unused_result)) int ledger_append(unsigned key, uint8_t verdict, const uint8_t hash[LEDGER_HASH]);
uint64_t ledger_sequence(void); /* of the last entry; 0: none yet */
void ledger_head(uint8_t head[LEDGER_HASH]);
const struct ledger_counter *ledger_counter(unsigned key);
/* The body of an entry that is still in the ring (its SHA-256 is the head after it), or -1. The layout is in README.md. */
int ledger_read(uint64_t sequence, uint8_t body[LEDGER_ENTRY_MAX]);
/* REASON_OK, or which of the key's limits is reached. Takes nothing. */
enum reason ledger_limits(unsigned key);

#endif
