/* decide: what people decide about a generation or a domain. Only the store is changed, in one step, with the ledger: zegel
 * rotate run does what follows from it. */
#ifndef ZEGEL_LIFECYCLE_DECIDE_H
#define ZEGEL_LIFECYCLE_DECIDE_H

#include "config/config.h"
#include "lifecycle/store.h"
#include "pkcs11/token.h"

enum decision { DECIDE_COMPROMISE, DECIDE_ABORT, DECIDE_BACKUP, DECIDE_DESTROY, DECIDE_ACTIVATE, DECIDE_SUSPEND, DECIDE_RESUME };

struct decide {
    struct store *store;
    const struct config_domain *domain;
    const char *who, *note; /* for the ledger */
    const char *transcript; /* directory of a ceremony's; NULL: none */
    int64_t now_s;
};

/* `selector`: of any key of the generation; NULL for SUSPEND and RESUME. ZEGEL_ERR_NOT_FOUND, ZEGEL_ERR_REFUSED (the state does
 * not allow it, or the ceremony does not permit it), or an error of the store; one line in `why`. */
int decide(const struct decide *d, enum decision what, const char *selector, struct buf *why);
/* A generation whose keys a ceremony made: `selectors` are as many as rotation.keys. */
int decide_adopt(const struct decide *d, struct token *t, char *const *selectors, unsigned count, struct buf *why);

#endif
