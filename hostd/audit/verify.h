/* verify: is this audit log whole? With the public key alone, no daemon and no token. */
#ifndef ZEGEL_AUDIT_VERIFY_H
#define ZEGEL_AUDIT_VERIFY_H

#include "audit/note.h"

struct audit_report {
    uint64_t first;       /* number of the oldest record that is kept; 0: none was archived */
    uint64_t records;     /* in the tree, archived ones included */
    uint64_t checkpoints; /* that were checked against the records */
    uint64_t covered;     /* records under the newest checkpoint; what is behind it, nothing but the disk vouches for */
};

/* Called for each record in order, without its line break. False ends the walk. */
typedef bool audit_each(void *arg, uint64_t number, struct bytes record);

/* Reads DIR as log.h lays it out. Every record is hashed into the tree and every signed checkpoint compared on the way.
 * ZEGEL_OK; ZEGEL_ERR_BAD_SIGNATURE or ZEGEL_ERR_FORMAT with what does not fit and where; ZEGEL_ERR_SYSTEM. `each` may be NULL.
 */
int audit_verify(const char *dir, const struct note_key *key, audit_each *each, void *arg, struct audit_report *out,
                 struct buf *why);

#endif
