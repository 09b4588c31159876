/* inbound: mail that comes in (verify: yes): every signature is verified, the results go on top as Authentication-Results, and
 * fields of that name that claim to be ours are removed (RFC 8601 §5). A bad signature never stops a message; a message that
 * could not be marked as it should be is deferred. */
#ifndef ZEGEL_MILTER_INBOUND_H
#define ZEGEL_MILTER_INBOUND_H

#include <libmilter/mfapi.h>

/* The callbacks for smfi_register. Call inbound_start first. */
extern struct smfiDesc inbound_milter;

/* `listen`: the socket, whose entry in front-ends: has the authserv-id. */
int inbound_start(const char *listen);

#endif
