/* deeds: what run does in each step; run.c decides when. Only run.c includes this. */
#ifndef ZEGEL_CEREMONY_DEEDS_H
#define ZEGEL_CEREMONY_DEEDS_H

#include "ceremony/journal.h"
#include "ceremony/run.h"
#include "ceremony/steps.h"
#include "pkcs11/token.h"

struct run {
    const struct transcript *t;
    const struct run_options *o;
    struct journal journal;
    struct module *module, *backup_module; /* the second NULL when it is the same one, or there is no backup */
    struct token *token, *backup;
    char tool[CANON_HEX], module_hash[CANON_HEX], previous_plan[CANON_HEX];
    json_t *earlier; /* response.json of the ceremony before; NULL: none */
    json_t *signers; /* approvals: name → SHA-256 */
    unsigned number; /* of the step */
};

/* The data of a step's `done` line, borrowed, or NULL. */
const json_t *deeds_done(const struct run *r, const char *step);
/* Does the token know that this run uses the plan? Asked on every run, also when that step was done before. */
int deeds_check_used(struct run *r, struct buf *why);
/* `resuming`: the journal says that this was begun before. *data goes into the `done` line, a new reference. */
int deeds_do(struct run *r, const struct step *s, bool resuming, json_t **data, struct buf *why);

#endif
