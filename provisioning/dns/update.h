/* update: one TXT record set changed by RFC 2136, signed with TSIG (RFC 8945). The change names what must be there before it, so
 * that sending it again, or beside somebody else's change, does no harm. */
#ifndef ZEGEL_DNS_UPDATE_H
#define ZEGEL_DNS_UPDATE_H

#include <stdint.h>

#include "base/buf.h"

struct update_server {
    const char *address; /* IPv4 or IPv6 */
    uint16_t port;
    const char *key;       /* the TSIG key's name */
    const char *algorithm; /* "hmac-sha256" or "hmac-sha512" */
    const char *secret;    /* base64 */
    int deadline_ms;
};

struct update_change {
    const char *zone, *name;
    const char *before; /* the record that must be there, and is replaced; NULL: the name must not exist (RFC 2136 §2.4.5) */
    const char *wanted; /* the record that is to be there; NULL: none */
    uint32_t ttl;       /* seconds */
};

/* By TCP. ZEGEL_OK: the server said NOERROR, signed. Otherwise one line in `why`, and
 * ZEGEL_ERR_EXISTS   what must be there before was not: look at what is there
 * ZEGEL_ERR_REFUSED  the server will not: REFUSED, NOTAUTH, a TSIG key it does not know, a clock that differs
 * ZEGEL_ERR_TIMEOUT  no answer
 * ZEGEL_ERR_FORMAT   an answer that is truncated, cannot be read, or is not signed by the key */
int update_send(const struct update_server *s, const struct update_change *c, struct buf *why);

#endif
