/* signing: the signatures of one message, asked of zegel-signer all at once. What every front end does between a judged
 * message and its DKIM-Signature fields. */
#ifndef ZEGEL_MILTER_SIGNING_H
#define ZEGEL_MILTER_SIGNING_H

#include "config/config.h"
#include "dkim/sign.h"
#include "ipc/milter_signer.h"

enum { SIGNING_WITHIN_MS = 20000 }; /* Postfix waits 30 s for a command, 300 s for content */

/* Start the client that asks the signer. Once per process. */
int signing_start(void);
/* A socket to a (new) signer; taken over. */
void signing_set_peer(int fd);

struct signing; /* room for the signatures of one message, kept for the next */

struct signing *signing_new(void); /* NULL when memory is short */
void signing_free(struct signing *s);

enum signing_result {
    SIGNING_DONE,
    SIGNING_REFUSED, /* for good: the message can never be signed */
    SIGNING_FAILED,  /* for now */
};

/* One signature with each key of `d`, or none. `*reason` is a clause, valid until the next call, unless SIGNING_DONE. */
enum signing_result signing_run(struct signing *s, const struct dkim_sign *m, const struct config_domain *d,
                                struct bytes queue_id, const char *client, const char **reason);
/* After SIGNING_DONE: the value of the DKIM-Signature field of key `i`, from the space behind the colon, folded with CRLF. */
struct bytes signing_value(const struct signing *s, unsigned i);

#endif
