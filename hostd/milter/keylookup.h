/* keylookup: the key records of one message's signatures, asked of zegel-resolver all at once. */
#ifndef ZEGEL_MILTER_KEYLOOKUP_H
#define ZEGEL_MILTER_KEYLOOKUP_H

#include "dkim/verify.h"
#include "ipc/milter_resolver.h"
#include "milter/client.h"

enum { KEYLOOKUP_WITHIN_MS = 8000 }; /* for all keys of a message; Postfix waits 30 s */

/* Start the client that asks the resolver. Once per process. */
int keylookup_start(void);
/* A socket to a (new) resolver; taken over. */
void keylookup_set_peer(int fd);

struct keylookup_one {
    struct client_call call; /* first: client.h */
    char name[IPC_NAME_MAX + 1];
    enum key_status status;
    enum key_security security;
    size_t txt_len;
    uint8_t txt[IPC_KEYRECORD_MAX];
};

struct keylookup {
    struct keylookup_one list[DKIM_SIGNATURES_MAX];
    size_t count;
};

/* Ask for the key of every signature that verify_message will ask for, each key once, and wait. What does not come is
 * KEY_TRY_LATER. */
void keylookup_run(struct keylookup *k, const struct dkim_sign *m, int64_t now);
/* What came, as dkim/verify.h wants it; arg: a struct keylookup. */
enum verify_key_status keylookup_find(void *arg, const char *name, struct verify_key *key);

#endif
