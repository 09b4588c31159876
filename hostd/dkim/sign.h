/* sign: one message from its first header field to its signatures. The recipe, and no step of it done here:
 *
 *   dkim_sign_start, then header_add for every field, dkim_sign_body_start, dkim_sign_body for every chunk,
 *   dkim_sign_body_end; then for each signature dkim_sign_block, have the block signed, sigheader_add_signature.
 *
 * One struct per connection, used for one message after another: it allocates nothing once made. */
#ifndef ZEGEL_DKIM_SIGN_H
#define ZEGEL_DKIM_SIGN_H

#include "dkim/body_check.h"
#include "dkim/canon_body.h"
#include "dkim/digest.h"
#include "dkim/header.h"
#include "dkim/sigheader.h"

enum { DKIM_SIMPLE = 0, DKIM_RELAXED = 1 };

struct dkim_sign {
    struct header header;
    struct body_check check;
    struct {
        bool wanted, done;
        struct canon_body canon;
        struct digest *digest;
        uint8_t hash[DKIM_HASH_LEN];
    } body[2]; /* [DKIM_SIMPLE], [DKIM_RELAXED] */
};

struct dkim_sign *dkim_sign_new(void); /* NULL when memory is short */
void dkim_sign_free(struct dkim_sign *s);
/* Forget the last message. */
void dkim_sign_start(struct dkim_sign *s);
/* Which of the two body hashes will be needed. */
void dkim_sign_body_start(struct dkim_sign *s, bool simple, bool relaxed);
void dkim_sign_body(struct dkim_sign *s, struct bytes chunk);
/* False when a hash could not be made. */
bool dkim_sign_body_end(struct dkim_sign *s);

/* The DKIM-Signature's value up to "b=" into `value`, and the canonical header block (§3.7: what is hashed and signed)
 * into `block`. False: too many fields, a block over the caller's buffer, or a body hash that was not asked for. */
bool dkim_sign_block(const struct dkim_sign *s, const struct sigheader_params *p, const struct select_policy *policy,
                     struct out *value, struct out *block);

#endif
