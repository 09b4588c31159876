/* What became of the canary: it is sent before the rules run, since they know no daemon. */
#include "check/check.h"

void check_canary(struct check *c)
{
    const struct check_canary *k = c->subject->canary;
    struct buf evidence = BUF_INIT;
    if (k == NULL)
        return;
    buf_add(&evidence, buf_bytes(&k->evidence));
    switch (k->fate) {
    case CANARY_NOT_TRIED:
        check_add(c, RULE_CANARY, CHECK_WARN, MSG_CANARY_NOT_TRIED, &evidence, CHECK_WITH(c->subject->domain, k->reason));
        break;
    case CANARY_REFUSED:
        check_add(c, RULE_CANARY, CHECK_FAIL, MSG_CANARY_REFUSED, &evidence,
                  CHECK_WITH(c->subject->domain, k->through, k->reason));
        break;
    case CANARY_UNSIGNED:
        check_add(c, RULE_CANARY, CHECK_FAIL, MSG_CANARY_UNSIGNED, &evidence, CHECK_WITH(c->subject->domain, k->through));
        break;
    case CANARY_BAD:
        check_add(c, RULE_CANARY, CHECK_FAIL, MSG_CANARY_BAD, &evidence, CHECK_WITH(c->subject->domain, k->selector, k->reason));
        break;
    case CANARY_GOOD:
        check_add(c, RULE_CANARY, CHECK_PASS, MSG_CANARY_GOOD, &evidence,
                  CHECK_WITH(c->subject->domain, check_number(c->subject->keys_count).text, k->through));
        break;
    }
}
