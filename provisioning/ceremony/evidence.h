/* evidence: what one key shows of itself, as JSON: made where the token is (evidence.c), checked where it is not
 * (evidence_check.c). */
#ifndef ZEGEL_CEREMONY_EVIDENCE_H
#define ZEGEL_CEREMONY_EVIDENCE_H

#include "ceremony/plan.h"
#include "pkcs11/key.h"

/* CKA_ID of a key: 20 octets that only this plan and selector give. */
void evidence_id(const char *plan_hash, const struct plan_key *k, uint8_t id[KEY_ID_LEN]);
/* What the proof of possession is over. */
void evidence_challenge(const struct plan *p, const char *plan_hash, const struct plan_key *k, const char *spki_sha256,
                        struct buf *out);

/* {label, id, algorithm, spki, spki_sha256, attributes, proof, record}: a new reference. */
int evidence_make(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, struct key *key,
                  json_t **out, struct buf *why);
/* All of it again, from the outside: identity, public key, attributes as the plan wants, proof, record. */
int evidence_check(const struct plan *p, const char *plan_hash, const struct plan_key *k, const json_t *e, struct buf *why);

/* [{label, id, spki_sha256}] of every key on the token that can sign, sorted by label. */
int evidence_inventory(struct token *t, json_t **out, struct buf *why);

#endif
