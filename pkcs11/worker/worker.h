/* worker: threads that sign, one session each, and a watchdog that ends the process when a call overruns its deadline. */
#ifndef ZEGEL_WORKER_H
#define ZEGEL_WORKER_H

#include "base/buf.h"

struct worker;

/* For the token of this name in the configuration. NULL when memory is short. */
struct worker *worker_new(const char *token_name);
void worker_set_pin(struct worker *w, struct bytes pin);
/* Take the keys of our token from this configuration; those known already stay as they are. */
int worker_set_config(struct worker *w, struct bytes yaml, struct buf *why);
/* This is the configuration before; a token that it does not know is fine. */
int worker_set_previous(struct worker *w, struct bytes yaml, struct buf *why);
/* Start the threads. A token that is not there, or a refused PIN, is no reason to end: requests are answered with it.
 * Returns EX_OK or a sysexits code. */
int worker_start(struct worker *w);
/* The socket to the (new) signer; taken over. */
void worker_set_peer(struct worker *w, int fd);
/* Ends the process at once, without another call into the module. */
_Noreturn void worker_exit(struct worker *w, int status);

#endif
