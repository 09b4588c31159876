/* sig: the value of a DKIM-Signature field before it is signed (RFC 6376 §3.5), against what its key is bound to. */
#ifndef ZEGEL_CORE_SIG_H
#define ZEGEL_CORE_SIG_H

#include "core/reason.h"
#include "core/span.h"

enum {
    SIG_T_EARLIEST = 1700000000, /* t= of less than this is from a clock that was never set */
    SIG_TIME_DIGITS = 12,        /* RFC 6376 §3.5, t= and x= */
};

/* What a key may sign: its binding. */
struct sig_policy {
    struct span domain, selector; /* d= and s=, octet for octet */
    bool ed25519;                 /* a=ed25519-sha256, otherwise rsa-sha256 */
    bool strict;                  /* the author's domain must be d=, not only lie under it */
    bool allow_8bit;              /* in From, outside the address */
    bool want_expire;             /* x= must stand there */
    uint32_t life_max_s;          /* x= may be this far behind t= */
};

struct sig {
    bool relaxed;  /* the header's half of c= */
    struct span h; /* raw value of h= */
};

/* `value`: all behind "DKIM-Signature:", canonical or not. b= must be there, last, and empty. */
enum reason sig_check(struct span value, const struct sig_policy *policy, struct sig *out);

/* The next name of h=, without the white space around it; false at the end. *rest starts as sig.h. */
bool sig_next_name(struct span *rest, struct span *name);

#endif
