/* act: what a ceremony does to a key on the token, in a way that can be cut off anywhere and taken up again. */
#ifndef ZEGEL_CEREMONY_ACT_H
#define ZEGEL_CEREMONY_ACT_H

#include "ceremony/evidence.h"

struct act {
    struct token *token;
    const struct plan *plan;
    const char *plan_hash;
    const json_t *before;  /* the inventory taken before anything was done */
    const json_t *earlier; /* keys of the response of the ceremony before this one; NULL: none */
    struct token *second;  /* the backup token, NULL: none */
    bool resuming;         /* the journal says that this was begun before */
};

/* Would the action succeed, going by the inventory? ZEGEL_ERR_REFUSED and the reason if not. Nothing is changed. */
int act_possible(const struct act *a, const struct plan_key *k, struct buf *why);
/* All: *data is what goes into the journal, a new reference.
 * No object → make it; resuming and one complete pair → adopt it; anything else → ZEGEL_ERR_REFUSED. A key that is not as
 * planned is destroyed again, ZEGEL_ERR_KEY_UNUSABLE. */
int act_generate(const struct act *a, const struct plan_key *k, json_t **data, struct buf *why);
/* Activate or retire: the key shows what it is, and the token notes what it may do (standing.h). */
int act_permit(const struct act *a, const struct plan_key *k, json_t **data, struct buf *why);
/* Destroys the pair that the inventory names, and looks that nothing of it is left. */
int act_destroy(const struct act *a, const struct plan_key *k, json_t **data, struct buf *why);

/* How many objects have this CKA_ID or (id.len 0) this label; with `destroy`, they are destroyed. A session that lost its login
 * sees no private objects and no error: checked. `label` is also for the message. */
int act_objects(struct token *t, struct bytes id, const char *label, bool destroy, CK_ULONG *count, struct buf *why);
/* The pair with that CKA_ID, as key_find. */
int act_find(struct token *t, struct bytes id, struct key *key, struct buf *why);
/* The planned key in the inventory before: its CKA_ID. ZEGEL_ERR_REFUSED when it is not there, is another key, or its standing
 * forbids the action. */
int act_known(const struct act *a, const struct plan_key *k, uint8_t id[KEY_ID_MAX], size_t *id_len, struct buf *why);

#endif
