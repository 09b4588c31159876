/* vault: the persistent objects of the token, two slots each on the block store, sealed with the device's secret.
 *
 * A new version goes into the slot that does not hold the current one, and becomes current by being whole: its seal covers the
 * content and a sequence number. So power may fail at any write and leave anything in the block it was at: what is read
 * afterwards is the old version or the new one. Of keys, the slot that is no longer current is wiped, at the latest at the next
 * boot. */
#ifndef ZEGEL_CORE_VAULT_H
#define ZEGEL_CORE_VAULT_H

#include "core/span.h"

enum {
    VAULT_KEYS = 35,
    VAULT_KEY_MAX = 2504, /* octets of one key with all that belongs to it */
    VAULT_CARD_MAX = 3016,
    VAULT_LOG_FIRST = 1024, /* first block of the log, behind all objects */
    VAULT_LOG_BLOCKS = 1024
};

enum vault_object {
    VAULT_DEVICE,
    VAULT_PINS,
    VAULT_COUNTERS,
    VAULT_CARD,
    VAULT_KEY_0,
    VAULT_BACKUP = VAULT_KEY_0 + VAULT_KEYS,
    VAULT_OBJECTS
};

/* Finds the current version of each object and ends what a power failure interrupted. 0, or -1 when the medium fails or an object
 * that must be there has no whole version left. *fresh: the store was never set up to its end; set it up, the device last. */
__attribute__((warn_unused_result)) int vault_open(bool *fresh);
bool vault_has(enum vault_object o);
/* Octets read into `out`, or -1: not there, longer than `cap`, or the medium failed. */
__attribute__((warn_unused_result)) int vault_get(enum vault_object o, void *out, size_t cap);
/* Durable when it returns 0. On -1 the medium failed: the old version counts, or the new one does and the old key could not be
 * wiped. */
__attribute__((warn_unused_result)) int vault_put(enum vault_object o, const void *data, size_t len);
/* As if it had never been there. */
__attribute__((warn_unused_result)) int vault_delete(enum vault_object o);

/* A key derived from the device's secret, for one purpose. */
void vault_derive(const char *purpose, uint8_t out[32]);

#endif
