/* steps: what a plan comes to, step by step, in one place: run takes them, the script prints them, verify demands them. */
#ifndef ZEGEL_CEREMONY_STEPS_H
#define ZEGEL_CEREMONY_STEPS_H

#include "ceremony/plan.h"

enum step_kind { STEP_CONFIRM, STEP_USE_PLAN, STEP_BEFORE, STEP_KEY, STEP_BACKUP, STEP_AFTER, STEP_RESPONSE };

struct step {
    enum step_kind kind;
    const struct plan_key *key; /* of STEP_KEY and STEP_BACKUP */
    struct buf name;            /* as in the journal, one line */
    struct buf text;            /* what will be done, for people; two lines at most */
};

unsigned steps_count(const struct plan *p);
/* The step number `i`, from 0. `out` is cleared and filled; steps_free when it is no longer used. */
void steps_get(const struct plan *p, unsigned i, struct step *out);
void steps_free(struct step *s);
/* "key DOMAIN/SELECTOR" */
void steps_key_name(const struct plan_key *k, struct buf *name);
/* "backup DOMAIN/SELECTOR" */
void steps_backup_name(const struct plan_key *k, struct buf *name);
/* Is there a step for the backup of each key? */
bool steps_have_backup(const struct plan *p);

#endif
