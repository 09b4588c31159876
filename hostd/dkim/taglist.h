/* taglist: tag=value lists (RFC 6376 §3.2), of a DKIM-Signature and of a key record. */
#ifndef ZEGEL_DKIM_TAGLIST_H
#define ZEGEL_DKIM_TAGLIST_H

#include "dkim/limits.h"
#include "base/bytes.h"

struct tag {
    struct bytes name;  /* case matters */
    struct bytes value; /* without white space at either end; inner folds still there */
};

struct taglist {
    struct tag tags[DKIM_TAGS_MAX];
    size_t count;
};

/* Views into `text`, which must outlive the list. False for anything §3.2 does not allow: a tag twice, an empty or
 * wrong name, a missing "=", an octet outside VALCHAR, or more tags than we look at. 8-bit is allowed (RFC 8616). */
bool taglist_parse(struct bytes text, struct taglist *out);
/* The value, or {NULL, 0} when there is no such tag. An empty value has a pointer and length 0. */
struct bytes taglist_get(const struct taglist *t, const char *name);

#endif
