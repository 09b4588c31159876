/* survive: what the way to the receiver will change under a signature. RFC 6376 §5.3 wants a message that no transport has a
 * reason to change; this says what gives it one. Pure. */
#ifndef ZEGEL_DKIM_SURVIVE_H
#define ZEGEL_DKIM_SURVIVE_H

#include "dkim/sign.h"

struct survive_risk {
    struct bytes field; /* the header field's name, or {NULL,0}: the body */
    const char *what;   /* static: what is there, and what becomes of it */
};

enum { SURVIVE_RISKS_MAX = 8 }; /* one of each kind */

/* The message must stand in `m`, its body ended. Looks at the body and at the fields that `policy` signs. `seven_bit`: a hop on
 * the way does not take 8BITMIME. Returns how many there are in `out`. */
size_t survive_risks(const struct dkim_sign *m, const struct select_policy *policy, bool seven_bit,
                     struct survive_risk out[SURVIVE_RISKS_MAX]);

#endif
