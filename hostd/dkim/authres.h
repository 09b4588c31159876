/* authres: Authentication-Results for DKIM (RFC 8601 §2.2, §2.7.1). What comes from the message is only written where its grammar
 * cannot break out. */
#ifndef ZEGEL_DKIM_AUTHRES_H
#define ZEGEL_DKIM_AUTHRES_H

#include "dkim/verify.h"

/* "dkim=pass (2048-bit key) header.d=... header.s=... header.a=... header.b=... dns.sec=yes" */
void authres_dkim(const struct verification *v, struct out *out);

/* Is there one From, and is its domain `d` or below it? What DMARC calls relaxed alignment, without an organisational domain. */
bool authres_is_aligned(const struct header *h, struct bytes d);

/* Appends `text` with CRLF HTAB for a space wherever a line would grow over 78 columns; `column` octets stand on the line
 * already. */
void authres_fold(struct bytes text, size_t column, struct out *out);

#endif
