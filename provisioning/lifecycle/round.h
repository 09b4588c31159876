/* round: what is due for a domain, done. The rules are in machine.h; this observes, acts, and writes down: before each act on the
 * token or on DNS that it is meant, and after it what came of it. It may be killed anywhere, and is simply run again. */
#ifndef ZEGEL_LIFECYCLE_ROUND_H
#define ZEGEL_LIFECYCLE_ROUND_H

#include "config/config.h"
#include "dns/observe.h"
#include "dns/update.h"
#include "lifecycle/nodes.h"
#include "lifecycle/store.h"
#include "pkcs11/token.h"

/* What all domains of a run share. */
struct round {
    struct store *store; /* for writing */
    const struct config *config;
    const char *who; /* for the ledger */
    struct observe *observe;
    const struct nodes *nodes;
    const struct update_server *server; /* of the domain; NULL: updates cannot be sent, since: */
    const char *server_fault;
    /* The token of that index in config.tokens, logged in; NULL and a line in `why` when it does not answer. */
    struct token *(*token)(void *arg, unsigned index, struct buf *why);
    void (*say)(void *arg, const char *domain, const char *line); /* what was done, and what people have to do */
    void *arg;
};

struct life_policy round_policy(const struct config_rotation *r);
/* SELECTOR._domainkey.DOMAIN */
void round_name(const char *domain, const struct store_key *k, struct buf *out);

/* Does all that is due for the domain, which rotates. *fault: something stood in the way, was said, and will be tried again.
 * An error and a line in `why` only when nothing more can be done for any domain: the store failed, or the clock is wrong. */
int round_run(struct round *r, const struct config_domain *d, bool *fault, struct buf *why);

#endif
