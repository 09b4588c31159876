/* merkle: the tree of RFC 6962 §2.1 over the records of the audit log, grown one leaf at a time. Pure. */
#ifndef ZEGEL_AUDIT_MERKLE_H
#define ZEGEL_AUDIT_MERKLE_H

#include <stddef.h>

#include "base/bytes.h"

enum { MERKLE_HASH_LEN = 32, MERKLE_LEVELS_MAX = 64 };

/* A compact range: the roots of the perfect subtrees that `size` leaves make, largest first. All that is needed to go on. */
struct merkle {
    uint64_t size;
    uint8_t peaks[MERKLE_LEVELS_MAX][MERKLE_HASH_LEN];
    unsigned peaks_count; /* as many as `size` has bits set */
    bool failed;          /* memory was short on the way: of no more use, and has no root */
};

void merkle_init(struct merkle *m);
/* SHA-256(0x00 || record). False when memory is short. */
bool merkle_leaf(struct bytes record, uint8_t hash[MERKLE_HASH_LEN]);
/* SHA-256(0x01 || left || right). False when memory is short. */
bool merkle_node(const uint8_t left[MERKLE_HASH_LEN], const uint8_t right[MERKLE_HASH_LEN], uint8_t hash[MERKLE_HASH_LEN]);
/* Sets m->failed when memory is short. */
void merkle_add(struct merkle *m, const uint8_t leaf[MERKLE_HASH_LEN]);
/* MTH(D[n]); of an empty tree the hash of nothing. False when memory is, or was, short. */
bool merkle_root(const struct merkle *m, uint8_t root[MERKLE_HASH_LEN]);

/* RFC 6962 §2.1.1: PATH(m, D[n]) over leaf hashes. Returns the number of hashes in `path`, 0 also when it does not fit
 * or memory is short. */
size_t merkle_path(const uint8_t (*leaves)[MERKLE_HASH_LEN], size_t count, size_t index, uint8_t (*path)[MERKLE_HASH_LEN],
                   size_t max);
/* Does `path` lead from the leaf at `index` of a tree of `size` to `root`? No when memory is short. */
bool merkle_path_holds(const uint8_t leaf[MERKLE_HASH_LEN], uint64_t index, uint64_t size, const uint8_t (*path)[MERKLE_HASH_LEN],
                       size_t count, const uint8_t root[MERKLE_HASH_LEN]);

#endif
