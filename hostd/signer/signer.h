/* signer: requests from milters in, requests to tokens out, and back. One thread; nothing in it waits but poll(). */
#ifndef ZEGEL_SIGNER_SIGNER_H
#define ZEGEL_SIGNER_SIGNER_H

#include "config/config.h"
#include "audit/log.h"

struct signer;

/* `origin` names the audit log in its checkpoints. NULL when memory is short. */
struct signer *signer_new(struct audit *audit, const char *origin);
/* Taken over; requests from now on are judged by it. */
void signer_set_config(struct signer *s, struct config *c);
/* The socket of the front end that listens on `listen`, or of the worker of token `name`; taken over. A second worker replaces
 * the first. */
void signer_add_milter(struct signer *s, const char *listen, int fd);
void signer_add_token(struct signer *s, const char *name, int fd);
/* Serve until the descriptor `control` is readable or hung up. */
void signer_run(struct signer *s, int control);

#endif
