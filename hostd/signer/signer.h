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
/* Taken over; what the one in force forbids and this one allowed is signed for a minute more: messages may have begun with it. */
void signer_set_previous(struct signer *s, struct config *c);
/* The socket of the front end that listens on `listen`, or of a worker, "TOKEN/NUMBER"; taken over. A second one of that name
 * replaces the first. */
void signer_add_milter(struct signer *s, const char *listen, int fd);
void signer_add_worker(struct signer *s, const char *name, int fd);
/* Serve until one of the two descriptors is readable or hung up; which one. */
int signer_run(struct signer *s, int control, int other);
/* Write down what is only in memory (today's counts); NULL is fine. The process ends afterwards. */
void signer_stop(struct signer *s);

#endif
