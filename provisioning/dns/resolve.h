/* resolve: what the two halves of observe share. */
#ifndef ZEGEL_DNS_RESOLVE_H
#define ZEGEL_DNS_RESOLVE_H

#include "dns/observe.h"

struct observe {
    struct ub_ctx *ctx;
    int deadline_ms;
};

#endif
