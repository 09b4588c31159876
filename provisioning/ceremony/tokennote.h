/* tokennote: short texts that the token itself keeps: data objects that every session sees, and that are never changed. */
#ifndef ZEGEL_CEREMONY_TOKENNOTE_H
#define ZEGEL_CEREMONY_TOKENNOTE_H

#include "pkcs11/token.h"

enum { TOKENNOTE_LABEL_MAX = 400, TOKENNOTE_VALUE_MAX = 256 };

struct tokennote {
    char label[TOKENNOTE_LABEL_MAX + 1], value[TOKENNOTE_VALUE_MAX + 1];
};

/* Every note of that application; *notes is the caller's to free. ZEGEL_ERR_REFUSED when one of them is not of our making. */
int tokennote_read(struct token *t, const char *application, struct tokennote **notes, size_t *count, struct buf *why);
int tokennote_add(struct token *t, const char *application, const char *label, const char *value, struct buf *why);

#endif
