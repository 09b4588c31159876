/* request: one signature that a milter asked for, from then until its answer has a record and was sent. */
#ifndef ZEGEL_SIGNER_REQUEST_H
#define ZEGEL_SIGNER_REQUEST_H

#include "audit/log.h"
#include "ipc/milter_signer.h"
#include "signer/keyring.h"
#include "signer/queue.h"

struct request {
    struct queued place; /* first: in the token's queue */
    uint64_t id;         /* ours, at the token */
    uint64_t milter_id;  /* the asker's */
    uint64_t milter;     /* milter.serial: the asker may be gone and its slot reused */
    int64_t deadline_ms, began_us;
    unsigned token;                /* index into signer.workers.tokens */
    unsigned at, failed;           /* sets of its workers: who has it, and who could not */
    int64_t sent_ms, overtaken_ms; /* when it was, and when something was answered that was sent later; 0: not yet */
    int64_t sent_us;
    unsigned load; /* what that worker had under way then, with this */
    bool counted, ed25519;
    struct known_key *key;
    char domain[IPC_NAME_MAX + 1], selector[IPC_NAME_MAX + 1];
    char queue_id[IPC_ID_MAX + 1], client[IPC_ID_MAX + 1];
    uint8_t body_hash[DKIM_HASH_LEN], block_hash[DKIM_HASH_LEN];
    struct bytes block; /* allocated; nothing any more once it was refused */
    bool hashed;        /* body_hash and block_hash are set */
    /* the answer, until its record is durable */
    bool answered;
    int err;
    uint8_t signature[IPC_SIGNATURE_MAX];
    size_t signature_len;
    char reason[IPC_REASON_MAX + 1];
    struct request *next;
};

/* It has its answer now, or another one: `err`, and one clause that says why. */
void request_answer(struct request *r, int err, struct bytes reason);
/* Its record goes into the log's batch. */
void request_record(const struct request *r, struct audit *a);
/* Figures, once its record was committed with that result. */
void request_count(const struct request *r, int commit_err);
/* Nobody will sign it. */
void request_drop_block(struct request *r);
void request_free(struct request *r);

#endif
