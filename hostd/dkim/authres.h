/* authres: one Authentication-Results result for DKIM (RFC 8601 §2.2, §2.7.1). What comes from the message is only written
 * where its grammar cannot break out. */
#ifndef ZEGEL_DKIM_AUTHRES_H
#define ZEGEL_DKIM_AUTHRES_H

#include "dkim/verify.h"

/* "dkim=pass (2048-bit key) header.d=... header.s=... header.a=... header.b=... dns.sec=yes" */
void authres_dkim(const struct verification *v, struct out *out);

#endif
