/* field: header fields as libmilter passes them, in and out. */
#ifndef ZEGEL_MILTER_FIELD_H
#define ZEGEL_MILTER_FIELD_H

#include <libmilter/mfapi.h>

#include "dkim/header.h"

enum { FIELD_TEXT_MAX = 16 * 1024 }; /* octets of a value that we insert */

/* The MTA's queue id, or "NOQUEUE". */
const char *field_queue_id(SMFICTX *ctx);

/* `leading_space`: SMFIP_HDR_LEADSPC was negotiated, so that what stands behind the colon is all there. */
void field_add(struct header *h, const char *name, const char *value, bool leading_space);
/* `value`: all behind the colon, folds as CRLF, no NUL. False when the MTA does not take it. */
bool field_insert(SMFICTX *ctx, int index, const char *name, struct bytes value, bool leading_space);

#endif
