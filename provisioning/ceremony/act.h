/* act: what a ceremony does to a key on the token, in a way that can be cut off anywhere and taken up again. */
#ifndef ZEGEL_CEREMONY_ACT_H
#define ZEGEL_CEREMONY_ACT_H

#include "ceremony/evidence.h"

/* `resuming`: the journal says that this was begun before. `before`: the inventory taken before anything was done.
 * Generate: no object → make it; resuming and one complete pair → adopt it; anything else → ZEGEL_ERR_REFUSED. A key that is
 * not as planned is destroyed again, ZEGEL_ERR_KEY_UNUSABLE. *data is what goes into the journal, a new reference. */
int act_generate(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, const json_t *before,
                 bool resuming, json_t **data, struct buf *why);
/* Destroys the pair that the inventory names, and looks that nothing of it is left. */
int act_destroy(struct token *t, const struct plan_key *k, const json_t *before, bool resuming, json_t **data, struct buf *why);

#endif
