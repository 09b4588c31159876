/* active: what zegeld is told (STATE/active.yaml), and what it says of it (STATE/taken, the audit log). */
#ifndef ZEGEL_LIFECYCLE_ACTIVE_H
#define ZEGEL_LIFECYCLE_ACTIVE_H

#include "config/config.h"
#include "lifecycle/store.h"

/* Writes active.yaml as the store has it: for each domain of the configuration that rotates and has a generation that signs. Does
 * nothing when it says so already. */
int active_write(struct store *s, const struct config *c, struct buf *why);
/* Since when zegeld signs for the domain with exactly these keys; 0: it does not, or nobody knows. */
int64_t active_taken(const struct config *c, const char *domain, const struct store_key *keys, unsigned count);
/* When one of these keys signed last, if after `since_s`; 0: not since. What cannot be read counts as `now_s`, and is said. */
int64_t active_signed(const struct config *c, const char *domain, const struct store_key *keys, unsigned count, int64_t since_s,
                      int64_t now_s, struct buf *why);

#endif
