/* resolve: what the two halves of observe share. */
#ifndef ZEGEL_DNS_RESOLVE_H
#define ZEGEL_DNS_RESOLVE_H

#include "dns/observe.h"

struct observe {
    struct ub_ctx *ctx;
    int deadline_ms;
    int64_t until_ms; /* monotonic; 0: no end */
};

/* Milliseconds for one question now: 0 when the time is up. */
int observe_left_ms(const struct observe *o);

#endif
