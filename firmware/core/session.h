/* session: what lasts from one SELECT to the next, and what both applications do in the same way. */
#ifndef ZEGEL_CORE_SESSION_H
#define ZEGEL_CORE_SESSION_H

#include "core/apdu.h"
#include "core/pin.h"
#include "core/tlv.h"

enum session_app { APP_NONE, APP_OPENPGP, APP_ZEGEL };

struct session {
    enum session_app app;
    bool user_sign;  /* PW1 with P2 81: for PSO:CDS */
    bool user_other; /* PW1 with P2 82: for all else */
    bool admin;      /* PW3 */
};
extern struct session session;

/* Nobody is verified. */
void session_forget(void);
/* VERIFY (20), in both applications: P2 81, 82 or 83; without data it asks; P1 FF takes it back. */
enum sw session_verify(const struct apdu *c);

/* The applications: one command each, data behind chaining is whole. What is put into `out` is the response. */
enum sw openpgp_select(struct tlv_out *out);
enum sw openpgp_command(const struct apdu *c, struct tlv_out *out);
enum sw zegel_select(struct tlv_out *out);
enum sw zegel_command(const struct apdu *c, struct tlv_out *out);

/* Forgets the block that was begun. */
void zegel_forget(void);

extern const uint8_t openpgp_aid_prefix[6];
extern const uint8_t zegel_aid[7];

#endif
