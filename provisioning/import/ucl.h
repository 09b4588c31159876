/* ucl: the part of rspamd's configuration language (UCL) that dkim_signing is written in: "key = value;", "key { ... }", "key
 * name { ... }", arrays, strings, comments, <<TEXT. Macros (.include) are kept as what they are, and not followed; variables are
 * not replaced. */
#ifndef ZEGEL_IMPORT_UCL_H
#define ZEGEL_IMPORT_UCL_H

#include "base/buf.h"

struct ucl {
    char *key;   /* NULL: an element of an array. ".include" and such for macros */
    char *value; /* NULL: it has parts */
    unsigned line;
    struct ucl *first; /* its parts, in their order */
    struct ucl *next;
};

enum { UCL_DEPTH_MAX = 16, UCL_NODES_MAX = 200000 };

/* The whole text as one node with parts. ZEGEL_OK; ZEGEL_ERR_CONFIG with "NAME:LINE: why"; ZEGEL_ERR_NOMEM. The caller frees it.
 */
int ucl_parse(const char *name, struct bytes text, struct ucl **out, struct buf *why);
void ucl_free(struct ucl *u);
/* The last part of this name (the one that holds), or NULL. `u` may be NULL. */
const struct ucl *ucl_get(const struct ucl *u, const char *key);

#endif
