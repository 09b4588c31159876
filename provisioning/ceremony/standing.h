/* standing: what a key may do, as the token itself remembers it: one note for each activation and each retirement, never taken
 * back; the one with the highest serial holds. A key that no ceremony spoke of has none. */
#ifndef ZEGEL_CEREMONY_STANDING_H
#define ZEGEL_CEREMONY_STANDING_H

#include "ceremony/plan.h"
#include "pkcs11/token.h"

/* "active" or "retired": what an activation or retirement makes of a key; NULL for the other actions. */
const char *standing_after(enum plan_action a);
/* The same in the words of a plan: why a key that is `now` ("none", "active", "retired") cannot undergo it, or NULL. */
const char *standing_forbids(enum plan_action a, const char *now);
/* Between the clock of the ceremony's machine, which may have no network, and that of the mail host. */
enum { STANDING_SKEW_S = 300 };
/* Was mail signed, `first_s` to `last_s`, outside the time that such a ceremony gives a key? `acted_s`: when it began to make or
 * activate it, or had destroyed it; `until_s`: the end of the plan's window, by when a retirement has been acted on. Seconds
 * since 1970. One clause, or NULL. */
const char *standing_signed_wrongly(enum plan_action a, int64_t acted_s, int64_t until_s, int64_t first_s, int64_t last_s);

/* [{label, serial, spki_sha256, standing}] of every key that has one, sorted by label; a new reference. */
int standing_read(struct token *t, json_t **out, struct buf *why);
/* Of one key in such a list: "none" when it is not in there. */
const char *standing_of(const json_t *all, const char *label, const char *spki_sha256);
/* Write down what the plan makes of the key; nothing is written twice. */
int standing_enter(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, struct buf *why);

#endif
