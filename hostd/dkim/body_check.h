/* body_check: what in a body would not survive the way to the receiver, or is not mail at all. Streaming. */
#ifndef ZEGEL_DKIM_BODY_CHECK_H
#define ZEGEL_DKIM_BODY_CHECK_H

#include "base/bytes.h"

enum body_defect {
    BODY_OK = 0,
    BODY_NUL = 1 << 0,
    BODY_BARE_CR = 1 << 1,
    BODY_BARE_LF = 1 << 2,
    BODY_LONG_LINE = 1 << 3, /* over 998 octets, RFC 5322 §2.1.1 */
    BODY_8BIT = 1 << 4,
};

struct body_check {
    size_t column;    /* octets of the line so far */
    uint8_t last;     /* the octet before this chunk */
    unsigned defects; /* of enum body_defect */
};

void body_check_init(struct body_check *c);
void body_check_update(struct body_check *c, struct bytes chunk);
void body_check_final(struct body_check *c);

#endif
