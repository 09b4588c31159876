#include "signer/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "figures/figures.h"

void request_answer(struct request *r, int err, struct bytes reason)
{
    if (reason.len > IPC_REASON_MAX)
        reason.len = IPC_REASON_MAX;
    r->err = err;
    r->answered = true;
    if (reason.len > 0)
        memcpy(r->reason, reason.data, reason.len);
    r->reason[reason.len] = '\0';
}

void request_record(const struct request *r, struct audit *a)
{
    struct audit_record line = {
        .time = clock_wall_s(),
        .domain = bytes_str(r->domain),
        .selector = bytes_str(r->selector),
        .key = bytes_str(r->key == NULL ? "" : r->key->uri),
        .queue_id = bytes_str(r->queue_id),
        .client = bytes_str(r->client),
        .block_hash = r->hashed ? r->block_hash : NULL,
        .body_hash = r->hashed ? r->body_hash : NULL,
        .verdict = r->err == ZEGEL_OK ? "signed" : r->reason,
    };
    audit_add(a, &line);
}

/* Only what permit() has let through has a domain and a key of the configuration. */
void request_count(const struct request *r, int commit_err)
{
    if (commit_err == ZEGEL_OK)
        figures_count(FIGURE_RECORDS);
    if (r->err == ZEGEL_OK)
        figures_signature(r->domain, r->ed25519);
    else
        figures_fail(r->err);
    figures_observe(FIGURE_TIME_SIGN, clock_monotonic_us() - r->began_us);
}

void request_drop_block(struct request *r)
{
    free((void *)(uintptr_t)r->block.data);
    r->block = bytes_of(NULL, 0);
}

void request_free(struct request *r)
{
    wipe(r->signature, sizeof r->signature);
    request_drop_block(r);
    free(r);
}
