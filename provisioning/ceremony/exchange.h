/* exchange: the request that crosses the air gap: one file with the plan, as written and as compiled, and its approvals. */
#ifndef ZEGEL_CEREMONY_EXCHANGE_H
#define ZEGEL_CEREMONY_EXCHANGE_H

#include "ceremony/transcript.h"

#define REQUEST_FILE "request.json"
#define RESPONSE_FILE "response.json"

/* DIR/request.json out of what DIR holds. There already: it must be the same. */
int exchange_export(const struct transcript *t, struct buf *why);
/* The request that `t`'s directory should hold: a new reference. */
int exchange_request(const struct transcript *t, json_t **out, struct buf *why);
/* A new directory out of a request; what it holds is checked as if it had been there before. */
int exchange_import(const char *request, const char *dir, struct buf *why);

#endif
