/* look: what DNS says of one record, against what is wanted there and what was there before. */
#ifndef ZEGEL_LIFECYCLE_LOOK_H
#define ZEGEL_LIFECYCLE_LOOK_H

#include "dns/observe.h"
#include "lifecycle/machine.h"

/* All answers about one name, kept for a round. */
struct look {
    struct observe_answer validated;
    struct observe_answers servers;
    bool asked;
};

/* Asks, once. ZEGEL_OK also when nobody answered. */
int look_ask(struct observe *o, const char *name, struct look *l);
void look_clear(struct look *l);

struct look_wish {
    const char *wanted, *before; /* the record; NULL: none */
    bool insecure_allowed;
};
/* `detail`: who says otherwise, one clause; nothing when all is as wanted. A record that nobody wanted is LIFE_FOREIGN only if
 * the validating resolver has it: what a server alone says may be a forgery. */
enum life_seen look_judge(const struct look *l, const struct look_wish *w, struct buf *detail);
/* Two records that go together: the worse of the two, and to be sent again when one of them is to be. */
enum life_seen look_both(enum life_seen a, enum life_seen b);

#endif
