/* ledger: what the token itself remembers of ceremonies, so that losing the disk does not permit a second run: one data object
 * for each, its label the serial, its value the hashes of the plan and of the journal's first line. */
#ifndef ZEGEL_CEREMONY_LEDGER_H
#define ZEGEL_CEREMONY_LEDGER_H

#include "ceremony/plan.h"
#include "pkcs11/token.h"

/* ZEGEL_ERR_REFUSED when the token has seen this serial or a later one (other than this very run), or when the last one it has
 * seen is not the ceremony whose plan hashes to `previous_plan` ("" for a first ceremony). *ours: this run is in it already. */
int ledger_check(struct token *t, const struct plan *p, const char *plan_hash, const char *open_hash, const char *previous_plan,
                 bool *ours, struct buf *why);
/* Enter this run. */
int ledger_enter(struct token *t, const struct plan *p, const char *plan_hash, const char *open_hash, struct buf *why);

#endif
