/* senders: the rules of senders: and of the file that senders-table: names; in an order in which they are found fast. */
#ifndef ZEGEL_CONFIG_SENDERS_H
#define ZEGEL_CONFIG_SENDERS_H

#include "config/config.h"

/* Adds the lines of a table: "PATTERN DOMAIN[,DOMAIN...]", as an OpenDKIM refile has them; # begins a comment. PATTERN is a
 * user's, or "envelope:PATTERN" or "network:NETWORK". ZEGEL_ERR_CONFIG
 * with "NAME:LINE: what is wrong" in `why`. */
int senders_add_table(struct config *c, const char *name, struct bytes text, struct buf *why);
/* Checks every rule and puts them in order. Needs the domains in order. */
int senders_check(struct config *c, const char *file, struct buf *why);

#endif
