/* explain: explain.yaml, the reasons for what does not comply ("pas toe of leg uit"), each with an owner and an end.
 *
 *     - rule: spf.lookups
 *       domain: example.nl          # or "*": every domain
 *       reason: the newsletter's supplier moves to one include in March
 *       owner: CISO, J. de Vries
 *       expires: 2027-03-31         # the last day on which it holds; at most 366 days ahead
 *
 * Strict: an unknown key or rule, a second explanation for the same, a bad date is an error of the file as a whole. */
#ifndef ZEGEL_CHECK_EXPLAIN_H
#define ZEGEL_CHECK_EXPLAIN_H

#include "check/check.h"

enum { EXPLAIN_MAX_DAYS = 366 };

struct explain;

/* ZEGEL_OK, or ZEGEL_ERR_CONFIG with one line in `why`. `now_s`: seconds since 1970. */
int explain_load(const char *path, int64_t now_s, struct explain **out, struct buf *why);
int explain_parse(const char *name, struct bytes yaml, int64_t now_s, struct explain **out, struct buf *why);
void explain_free(struct explain *e);
/* FAILs of this domain that have a reason which still holds become CHECK_EXPLAINED. One that has expired, or explains nothing, is
 * a finding of its own. `e` NULL: nothing is explained. */
void explain_apply(const struct explain *e, struct check *c);

#endif
