/* select: which fields a signature covers, in which order (RFC 6376 §5.4). */
#ifndef ZEGEL_DKIM_SELECT_H
#define ZEGEL_DKIM_SELECT_H

#include "dkim/header.h"

/* NULL-terminated lists of names; NULL: an empty one. A name in several of them is in the strictest. */
struct select_policy {
    const char *const *oversign;         /* every instance, and once more, so that none can be added (§8.15) */
    const char *const *oversign_present; /* the same, of those that are there; an absent one may be added on the way */
    const char *const *sign;             /* every instance that is there */
};

extern const struct select_policy select_default;

/* Fields that are added, changed or taken out on the way, so that a signature over one breaks (RFC 6376 §5.4.1, §3.5);
 * NULL-terminated. */
extern const char *const select_transient[];
/* Is `name` in that list, in any case? */
bool select_lists(const char *const *list, struct bytes name);

struct selected {
    struct {
        const char *name;
        size_t field; /* index into header.fields, or SELECT_ABSENT for the oversigned one */
    } entries[DKIM_SELECTED_MAX];
    size_t count;
};

#define SELECT_ABSENT SIZE_MAX

/* Names in the order of the policy; of equal ones the bottom-most first (§5.4.2).
 * False when there are more than DKIM_SELECTED_MAX. */
bool select_fields(const struct select_policy *policy, const struct header *h, struct selected *out);

/* RFC 5322 §3.6's at-most-once fields, and those of RFC 2045 §3; NULL-terminated. */
extern const char *const select_singletons[];
/* The first of them that stands there twice, or NULL. */
const char *select_repeated_singleton(const struct header *h);

#endif
