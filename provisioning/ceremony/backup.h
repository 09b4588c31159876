/* backup: a key on a second token, tried there, in a way that can be cut off anywhere and taken up again. */
#ifndef ZEGEL_CEREMONY_BACKUP_H
#define ZEGEL_CEREMONY_BACKUP_H

#include "ceremony/act.h"
#include "ceremony/backup_check.h"

struct backup {
    struct act act;  /* both tokens logged in */
    const char *dir; /* where the encrypted key goes */
};

/* Asked before the plan is used up: do both SmartCard-HSMs have the DKEK of the plan? Nothing is changed. */
int backup_possible(const struct backup *b, struct buf *why);
/* Encrypt, restore, have the copy sign and compare with the original public key, close the original, keep or remove the copy.
 * *data is what goes into the journal. ZEGEL_ERR_KEY_UNUSABLE when the token does not let the key out. */
int backup_make(const struct backup *b, const struct plan_key *k, json_t **data, struct buf *why);
/* Destroy what the second token holds of the key, and look that it is gone. */
int backup_destroy(const struct backup *b, const struct plan_key *k, json_t **data, struct buf *why);

#endif
