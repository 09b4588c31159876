/* resolve: what the two halves of observe share. */
#ifndef ZEGEL_DNS_RESOLVE_H
#define ZEGEL_DNS_RESOLVE_H

#include "dns/observe.h"

enum { OBSERVE_SILENT_MAX = 32, OBSERVE_ADDRESS_MAX = 64 };

struct observe {
    struct ub_ctx *ctx;
    int deadline_ms;
    int64_t until_ms;                                     /* monotonic; 0: no end */
    char silent[OBSERVE_SILENT_MAX][OBSERVE_ADDRESS_MAX]; /* servers that did not answer: not asked again */
    unsigned silent_count;
};

/* Milliseconds for one question now: 0 when the time is up. */
int observe_left_ms(const struct observe *o);

#endif
