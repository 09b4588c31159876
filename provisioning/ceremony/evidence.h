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

/* What the attributes of a key should be: as made; when its backup was tried and it was closed; of the copy on the second token.
 */
enum evidence_stage { EVIDENCE_MADE, EVIDENCE_CLOSED, EVIDENCE_RESTORED };
/* The name of the first attribute that is not as the plan wants it, or NULL. */
const char *evidence_wrong_attribute(const struct plan *p, enum evidence_stage stage, const json_t *attributes);
/* A signature by `key` over the challenge of that purpose, as text; checked by evidence_proof_fits. */
int evidence_prove(struct token *t, struct key *key, struct bytes challenge, json_t **proof, struct buf *why);
bool evidence_proof_fits(struct bytes challenge, struct bytes spki, const json_t *proof);
/* What a restored key signs, to show that it is the original. */
void evidence_restore_challenge(const struct plan *p, const char *plan_hash, const struct plan_key *k, const char *spki_sha256,
                                struct buf *out);
/* The attributes as the token shows them, as JSON. */
int evidence_attributes(struct token *t, const struct key *key, json_t **out, struct buf *why);
/* The public key in a piece of evidence; nothing when it cannot be read. */
struct bytes evidence_spki(const json_t *e, uint8_t room[KEY_SPKI_MAX]);

/* {label, id, algorithm, spki, spki_sha256, attributes, proof, record}: a new reference. */
int evidence_make(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, struct key *key,
                  json_t **out, struct buf *why);
/* All of it again, from the outside: identity, public key, attributes as the plan wants, proof, record. */
int evidence_check(const struct plan *p, const char *plan_hash, const struct plan_key *k, const json_t *e, struct buf *why);

/* [{label, id, spki_sha256}] of every key on the token that can sign, sorted by label. */
int evidence_inventory(struct token *t, json_t **out, struct buf *why);

#endif
