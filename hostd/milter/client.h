/* client: asks another process, from many threads over one socket. A peer that dies is no error yet: what was asked is asked
 * again of the next one, until the deadline. Never ends the process (that would drop mail). */
#ifndef ZEGEL_MILTER_CLIENT_H
#define ZEGEL_MILTER_CLIENT_H

#include <pthread.h>

#include "base/io.h"
#include "ipc/pack.h"

enum { CLIENT_CALLS_MAX = 8 }; /* asked for one message at once: DKIM_SIGNATURES_MAX */

/* What is asked, and room for the answer; the first member of a struct of the kind's. */
struct client_call {
    int err; /* of base/err.h */
};

/* What this client asks for, and of whom. */
struct client_kind {
    const char *peer; /* for messages */
    bool (*pack)(const struct client_call *call, uint64_t id, uint32_t left_ms, struct packer *p);
    bool (*read_id)(struct bytes packet, uint64_t *id);          /* false: the packet is malformed */
    void (*take)(struct bytes packet, struct client_call *call); /* of a packet that read_id took; sets err */
};

struct client {
    const struct client_kind *kind;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a new peer: for the reader */
    pthread_condattr_t monotonic;
    int fd;              /* -1: no peer now */
    uint64_t generation; /* of the peer */
    uint64_t next_id;
    struct waiting *waiting;
    unsigned malformed;            /* answers */
    uint8_t packet[IO_PACKET_MAX]; /* on its way out; under the lock */
    uint8_t answer[IO_PACKET_MAX]; /* its reader's */
};

/* Start the thread that reads answers. Once per client; it lasts as long as the process. */
int client_start(struct client *c, const struct client_kind *kind);
/* A new socket to a (new) peer; taken over. */
void client_set_peer(struct client *c, int fd);
/* Have all `calls` answered, at once, by `deadline_ms` (monotonic). Every call has its `err` set afterwards. */
void client_ask(struct client *c, struct client_call *const *calls, size_t count, int64_t deadline_ms);

#endif
