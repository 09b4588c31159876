/* audit: a record of every signature and every refusal, durable before the signature leaves (DESIGN §2 rule 5).
 * STATE/audit/audit.log, JSON lines, each with the SHA-256 of the line before it. No subjects, no addresses. */
#ifndef ZEGEL_SIGNER_AUDIT_H
#define ZEGEL_SIGNER_AUDIT_H

#include "base/buf.h"
#include "dkim/limits.h"

struct audit;

struct audit_record {
    int64_t time; /* seconds since 1970 */
    struct bytes domain, selector, queue_id, client;
    const uint8_t *block_hash; /* DKIM_HASH_LEN, or NULL */
    const uint8_t *body_hash;  /* DKIM_HASH_LEN, or NULL */
    const char *verdict;       /* "signed", or why not: one clause */
};

/* Opens or makes the log, and takes up its chain at the last whole line. A half-written last line is moved aside, said in
 * the log. ZEGEL_OK or ZEGEL_ERR_SYSTEM with a line in `why`. */
int audit_open(const char *state, struct audit **out, struct buf *why);
/* Put one record into the batch. */
void audit_add(struct audit *a, const struct audit_record *r);
/* Write the batch and make it durable. On failure what was written of it is cut off again, and no signature of it may leave. */
int audit_commit(struct audit *a, struct buf *why);

#endif
