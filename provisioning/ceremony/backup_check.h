/* backup_check: does the evidence of a backup show what the plan wants? No token needed. */
#ifndef ZEGEL_CEREMONY_BACKUP_CHECK_H
#define ZEGEL_CEREMONY_BACKUP_CHECK_H

#include "ceremony/plan.h"
#include "ceremony/snapshot.h"

/* `made`: the data of the key's own step; `e`: of its backup; `files`: of the transcript, for the encrypted key. */
int backup_check(const struct plan *p, const char *plan_hash, const struct plan_key *k, const struct snapshot *files,
                 const json_t *made, const json_t *e, struct buf *why);
/* The file of the encrypted key, in the transcript. */
void backup_file(const struct plan_key *k, struct buf *name);

#endif
