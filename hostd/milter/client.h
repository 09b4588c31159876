/* client: asks zegel-signer for signatures, from many threads over one socket. A signer that dies is no error yet: what
 * was asked is asked again of the next one, until the deadline. Never ends the process (that would drop mail). */
#ifndef ZEGEL_MILTER_CLIENT_H
#define ZEGEL_MILTER_CLIENT_H

#include "ipc/milter_signer.h"

enum { CLIENT_REASON_MAX = IPC_REASON_MAX };

struct client_call {
    struct sign_request request; /* id and left_ms are filled in by the client */
    int err;                     /* of base/err.h */
    uint8_t signature[IPC_SIGNATURE_MAX];
    size_t signature_len;
    char reason[CLIENT_REASON_MAX + 1];
};

/* Start the thread that reads answers. Once per process. */
int client_start(void);
/* A new socket to a (new) signer; taken over. */
void client_set_peer(int fd);
/* Have all `calls` answered, at once, by `deadline_ms` (monotonic). Every call has its `err` set afterwards. */
void client_sign(struct client_call *calls, size_t count, int64_t deadline_ms);

#endif
