/* canon_header: RFC 6376 §3.4.1 (simple) and §3.4.2 (relaxed), one field at a time. */
#ifndef ZEGEL_DKIM_CANON_HEADER_H
#define ZEGEL_DKIM_CANON_HEADER_H

#include "dkim/header.h"

/* Appends the canonical field with its CRLF. */
void canon_header_field(bool relaxed, const struct header_field *f, struct out *out);
/* The same without the CRLF: for the DKIM-Signature itself (§3.7). */
void canon_header_last(bool relaxed, const struct header_field *f, struct out *out);

#endif
