/* checkpoint: the root of the audit log, signed in the token by audit.key. One at a time. */
#ifndef ZEGEL_SIGNER_CHECKPOINT_H
#define ZEGEL_SIGNER_CHECKPOINT_H

#include "audit/log.h"
#include "config/config.h"
#include "signer/keyring.h"

struct checkpoint_state {
    struct note_key key;
    struct known_key *known; /* the audit key */
    struct buf text;         /* what is being signed */
    uint64_t id;             /* of that request; 0: none under way */
    uint64_t covers;         /* records under what is being signed */
    uint64_t covered;        /* under the last one that was written since the start */
    int64_t deadline_ms;
};

/* `origin` names the log. */
void checkpoint_init(struct checkpoint_state *c, const char *origin);
/* Is one due? Then what to ask of audit.key's token; the caller sends it, and calls checkpoint_sent. */
bool checkpoint_due(struct checkpoint_state *c, struct audit *a, struct known_key *key, uint64_t id, struct token_request *out);
void checkpoint_sent(struct checkpoint_state *c, uint64_t id);
/* The token's answer to it: verify, write. What goes wrong is logged; the next one covers it. */
void checkpoint_take(struct checkpoint_state *c, struct audit *a, struct keyring *keys, const struct token_reply *in);

#endif
