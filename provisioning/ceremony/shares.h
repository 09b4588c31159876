/* shares: a PIN in N parts of which K make it again and K - 1 say nothing about it (Shamir, over GF(2^8), by libgfshare). For
 * tokens that know no quorum of their own. Nobody chooses or sees such a PIN: it is random, and there only while it is used. */
#ifndef ZEGEL_CEREMONY_SHARES_H
#define ZEGEL_CEREMONY_SHARES_H

#include "base/buf.h"

enum {
    SHARES_MAX = 15,
    SHARES_PIN_MIN = 8,
    SHARES_PIN_MAX = 32,
    SHARES_TAG_LEN = 6,
    SHARES_SECRET_MAX = SHARES_PIN_MAX + SHARES_TAG_LEN
};
/* The text of a share: groups of four of a-z and 2-7, a space between. */
enum { SHARES_TEXT_MAX = 120 };

struct share {
    uint8_t set[3];                    /* random: which shares belong together */
    uint8_t threshold, count, index;   /* index from 1 */
    uint8_t secret[SHARES_SECRET_MAX]; /* this one's part of PIN and tag */
    size_t len;
};

/* A random PIN of `len` characters that are hard to take for one another. `pin` is the caller's to wipe. */
int shares_random_pin(size_t len, struct buf *pin, struct buf *why);
/* `shares`: room for `count`, the caller's to wipe. 2 <= threshold <= count <= SHARES_MAX. */
int shares_split(struct bytes pin, unsigned threshold, unsigned count, struct share *shares, struct buf *why);
/* The PIN again, appended to `pin`, out of the first `threshold` of `count` shares. ZEGEL_ERR_REFUSED when they are too few, not
 * of one set, one stands there twice, or what they make is not what was split: one of them is wrong. Then no PIN comes out. */
int shares_combine(const struct share *shares, unsigned count, struct buf *pin, struct buf *why);
/* Only the arithmetic, nothing checked. */
bool shares_interpolate(const struct share *shares, unsigned count, uint8_t secret[SHARES_SECRET_MAX]);

/* `text`: NUL-terminated, the caller's to wipe. */
void shares_print(const struct share *s, char text[SHARES_TEXT_MAX]);
/* Upper case, spaces and hyphens are as good. False when it is none, or was mistyped (it has a check of its own). */
bool shares_parse(struct bytes text, struct share *out);

#endif
