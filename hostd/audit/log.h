/* log: a record of every signature and every refusal, durable before the signature leaves (DESIGN §2 rule 5); an RFC 6962
 * Merkle tree over all of them, whose root is signed again and again by a key in the token.
 *
 * STATE/audit/  records-FIRST.jsonl  one JSON object a line, its number FIRST and up; the line without its break is the leaf
 *               tree-FIRST           the tree before that record, so that older files may be archived
 *               checkpoints          every signed checkpoint (note.h), oldest first
 *               checkpoint           the newest
 *               ceilings             what today's limits have counted; not part of the log
 *               public-keys          of each key that ever signed (signer/keyring.h); not part of the log
 * No subjects, no addresses. */
#ifndef ZEGEL_AUDIT_LOG_H
#define ZEGEL_AUDIT_LOG_H

#include "audit/note.h"

struct audit;

struct audit_config {
    const char *dir;      /* STATE/audit; made by the supervisor */
    const char *origin;   /* names the log in its checkpoints */
    uint64_t segment_max; /* octets of one records file */
    uint64_t keep; /* octets of all records files; when a new one begins, the oldest go until no more is left. 0: all stay */
};

struct audit_record {
    int64_t time; /* seconds since 1970 */
    struct bytes domain, selector, key, queue_id, client;
    const uint8_t *block_hash; /* SHA-256, or NULL */
    const uint8_t *body_hash;  /* SHA-256, or NULL */
    const char *verdict;       /* "signed", or why not: one clause */
};

/* Takes up the log where it ends. A half-written last line is cut off and said so: it was never durable, nothing left for it.
 * ZEGEL_OK or ZEGEL_ERR_SYSTEM with a line in `why`. */
int audit_open(const struct audit_config *cfg, struct audit **out, struct buf *why);
void audit_close(struct audit *a);
/* Put one record into the batch. */
void audit_add(struct audit *a, const struct audit_record *r);
/* Write the batch and make it durable. On failure what was written of it is cut off again, and no signature of it may leave. */
int audit_commit(struct audit *a, struct buf *why);

/* Records that are durable. */
uint64_t audit_size(const struct audit *a);

/* Is it time to have a checkpoint signed? A second or 1,000 records after the last one, and only when there is something new. */
bool audit_checkpoint_due(const struct audit *a, int64_t now_ms);
/* The text to sign for all that is durable now. */
void audit_checkpoint_text(struct audit *a, int64_t now_ms, struct buf *text);
/* The signature over that text came (and holds): write the note. */
int audit_checkpoint_write(struct audit *a, const struct note_key *k, struct bytes text, const uint8_t sig[NOTE_SIGNATURE_LEN],
                           struct buf *why);

/* A small file beside the log that the writer may keep: replaced or added to durably, or read back (ZEGEL_ERR_NOT_FOUND when
 * there is none). */
int audit_side_write(struct audit *a, const char *name, struct bytes content, struct buf *why);
int audit_side_append(struct audit *a, const char *name, struct bytes content, struct buf *why);
int audit_side_read(struct audit *a, const char *name, size_t max, struct buf *content, struct buf *why);

#endif
