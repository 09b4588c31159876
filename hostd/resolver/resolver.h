/* resolver: the loop of zegel-resolver: key records for the milters, each by its deadline. Answers from DNS are hostile input:
 * all that leaves here is one text of at most IPC_KEYRECORD_MAX octets. */
#ifndef ZEGEL_RESOLVER_RESOLVER_H
#define ZEGEL_RESOLVER_RESOLVER_H

#include <stdbool.h>
#include <unbound.h>

struct resolver;

struct resolver *resolver_new(struct ub_ctx *ctx); /* the context stays the caller's; NULL when memory is short */
/* One end of a socket to a milter process; taken over. */
void resolver_add_peer(struct resolver *r, int fd);
/* Serve until `control` has something to read. */
void resolver_run(struct resolver *r, int control);

#endif
