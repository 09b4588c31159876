/* nodes: the hosts that sign, and what each of them says: STATE/taken and STATE/audit of this one, STATE/nodes/NAME/taken and
 * .../audit of each of the configuration's nodes:, which somebody copies there. A copy that is old says less, never more. */
#ifndef ZEGEL_LIFECYCLE_NODES_H
#define ZEGEL_LIFECYCLE_NODES_H

#include "config/config.h"
#include "lifecycle/store.h"

struct nodes;

/* Reads every taken once; one that is not there says nothing. ZEGEL_ERR_NOMEM. */
int nodes_read(const struct config *c, struct nodes **out);
void nodes_free(struct nodes *n);

/* Since when every node signs for the domain with exactly these keys; 0: one does not, or nobody knows, and `lags` (which may be
 * NULL) is the first of them: "" this host. */
int64_t nodes_taken(const struct nodes *n, const char *domain, const struct store_key *keys, unsigned count, const char **lags);
/* When one of these keys signed last on any node, if after `since_s`; 0: not since. What cannot be read counts as `now_s`, and is
 * said. A node without an audit log is known by what it has taken alone. */
int64_t nodes_signed(const struct config *c, const char *domain, const struct store_key *keys, unsigned count, int64_t since_s,
                     int64_t now_s, struct buf *why);

#endif
