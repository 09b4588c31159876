/* senders: who may have mail of which domain signed. The default is no: an authenticated user of one domain must not get another
 * domain's seal (OpenDKIM's issue 187). Pure. */
#ifndef ZEGEL_MILTER_SENDERS_H
#define ZEGEL_MILTER_SENDERS_H

#include <sys/socket.h>

#include "config/config.h"

/* What the MTA says of where a message comes from. */
struct sender {
    const char *user;                         /* {auth_authen}; NULL: not authenticated */
    const char *envelope;                     /* MAIL FROM without <>; NULL: not known */
    const struct sockaddr *client;            /* NULL: not known */
    bool local;                               /* not by SMTP: this machine's own mail */
    const struct config_front_end *front_end; /* what is said of the socket it came by; NULL: nothing */
};

/* Is its mail ours to sign at all? Authenticated, local, or from trusted-networks: those for all, or those of its front end. */
bool sender_is_ours(const struct config *c, const struct sender *s);
/* May it have mail of this domain signed? With senders: or senders-table: one of their rules must say so. Without: an
 * authenticated user@D may for D; whoever else is one of ours only where one domain is all there is. */
bool sender_may(const struct config *c, const struct sender *s, const struct config_domain *d);

#endif
