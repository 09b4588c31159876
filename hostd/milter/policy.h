/* policy: is this message ours to sign, and for whom? Pure: facts in, verdict out. */
#ifndef ZEGEL_MILTER_POLICY_H
#define ZEGEL_MILTER_POLICY_H

#include "config/config.h"
#include "dkim/header.h"
#include "milter/senders.h"

enum policy_verdict {
    POLICY_UNTOUCHED, /* not from one of ours, or not for one of our domains */
    POLICY_SIGN,
    POLICY_REJECT,   /* 5xx: from one of ours, and no receiver could tell who the author is */
    POLICY_FORBIDDEN /* 5xx: from one of ours, who may not send as this domain */
};

struct policy_answer {
    enum policy_verdict verdict;
    const struct config_domain *domain; /* POLICY_SIGN */
    const char *reason;                 /* static, one clause */
};

struct policy_answer policy_judge(const struct config *c, const struct sender *sender, const struct header *h);
/* A header that receivers read in more than one way, so that no signature should cover it: reason for a 5xx, or NULL. */
const char *policy_defect(const struct header *h);

#endif
