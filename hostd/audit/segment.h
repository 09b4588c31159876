/* segment: the names and the tree files of the audit directory; what writer and verifier share. */
#ifndef ZEGEL_AUDIT_SEGMENT_H
#define ZEGEL_AUDIT_SEGMENT_H

#include "audit/merkle.h"
#include "base/buf.h"

enum { SEGMENT_RECORD_MAX = 8192 }; /* octets of one record */

/* First record numbers of all records files, ascending. *firsts is the caller's to free. ZEGEL_OK or ZEGEL_ERR_SYSTEM. */
int segment_list(const char *dir, uint64_t **firsts, size_t *count, struct buf *why);
/* "DIR/KIND-FIRST.SUFFIX"; false when it does not fit. */
bool segment_path(const char *dir, const char *kind, uint64_t first, const char *suffix, char *out, size_t cap);
/* The tree before record `first`. */
int segment_tree_read(const char *dir, uint64_t first, struct merkle *out, struct buf *why);
/* Durable, by rename. */
int segment_tree_write(const char *dir, const struct merkle *m, struct buf *why);
/* Removes the oldest records files, and their tree files, until those that stay have at most `keep` octets; never the newest. By
 * size and not by age: a clock that leaps cannot empty the log. 0: removes nothing. */
void segment_prune(const char *dir, uint64_t keep);
bool segment_sync_dir(const char *dir);
/* Replace DIR/NAME by this content, durably. */
int segment_replace(const char *dir, const char *name, struct bytes content, struct buf *why);

#endif
