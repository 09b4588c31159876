/* attr: reading attributes, tolerantly: a token that lacks one is normal, one that lies about its length is not believed. */
#ifndef ZEGEL_ATTR_H
#define ZEGEL_ATTR_H

#include <stdbool.h>

#include "base/bytes.h"
#include "pkcs11/cryptoki.h"

/* A session and the functions to use it with. */
struct attr_session {
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE session;
    CK_RV *lost; /* NULL, or CKR_OK at first: set to why the token did not answer, which says nothing of the attribute */
};

/* To be told what a call returned that reads: sets *s.lost once. */
void attr_answered(struct attr_session s, CK_RV rv);

/* The value in the caller's buffer, or {NULL, 0} when the object has none or it does not fit. */
struct bytes attr_get(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *room, size_t cap);
bool attr_get_ulong(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_ULONG *out);
/* 1, 0, or -1 when the token does not say. */
int attr_get_bool(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type);
/* At most `max` objects that match; *count is how many there are, even beyond. */
CK_RV attr_find(struct attr_session s, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *found, CK_ULONG max,
                CK_ULONG *count);

#endif
