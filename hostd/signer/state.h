/* state: what zegel-signer holds; for its own files only: intake, dispatch, release, and signer, which has the loop. */
#ifndef ZEGEL_SIGNER_STATE_H
#define ZEGEL_SIGNER_STATE_H

#include "audit/log.h"
#include "base/io.h"
#include "config/config.h"
#include "signer/checkpoint.h"
#include "signer/keyring.h"
#include "signer/permit.h"
#include "signer/queue.h"
#include "signer/rate.h"
#include "signer/request.h"
#include "signer/workers.h"

enum {
    MILTERS_MAX = 32,
    REQUESTS_MAX = 4096, /* waiting or under way; more are answered "busy" at once, as are more octets of blocks */
};

struct milter {
    int fd;
    unsigned front_end; /* index into signer.front_ends */
    uint64_t serial;
    unsigned malformed; /* of its requests */
};

struct signer {
    struct audit *audit;
    struct config *config;
    struct config *previous; /* a message that began before the reload is signed by the configuration it began with */
    int64_t previous_until_ms;
    struct milter milters[MILTERS_MAX];
    unsigned milters_count;
    struct workers workers;
    struct queue queues[WORKERS_TOKENS_MAX]; /* as workers.tokens */
    unsigned processors;
    struct front_end front_ends[MILTERS_MAX]; /* every one there ever was */
    unsigned front_ends_count;
    struct keyring keys;
    struct ceilings *ceilings;
    int64_t ceilings_save_ms;      /* monotonic: not before */
    struct request *first, **last; /* all requests, oldest first */
    unsigned requests_count;
    size_t octets; /* of their blocks */
    uint64_t next_id, next_serial;
    struct checkpoint_state checkpoint;
    const struct worker *checkpoint_at; /* who has it */
    uint8_t packet[IO_PACKET_MAX];
};

#endif
