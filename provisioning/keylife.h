/* keylife: the first and last signature of each configured key, from the audit log (hostd/audit/log.h), and what zegel rotate
 * knows of it. The records are read as they stand: whether the log is whole is for `zegel audit verify` to say. */
#ifndef ZEGEL_KEYLIFE_H
#define ZEGEL_KEYLIFE_H

#include "check/life.h"
#include "config/config.h"

/* Octets of the log that are read, the newest files: what is in older ones makes a key older than we say, never younger. */
#define KEYLIFE_OCTETS_MAX (8ULL << 30)

struct keylife;

/* ZEGEL_OK, also with no log at all; an error with a line in `why` when there is one that cannot be read. */
int keylife_read(const struct config *c, struct keylife **out, struct buf *why);
void keylife_free(struct keylife *l);
/* All zero when nothing is known. `l` may be NULL. */
struct check_life keylife_get(const struct keylife *l, const char *domain, const char *selector);

#endif
