/* queue: what waits for one token, and which of it is next. Each key of each domain has a share, and the shares take turns, so
 * that a domain that sends a hundred thousand messages at once takes no other's; within a turn, and within a share, first what
 * must be answered first. Entries are their owner's memory. */
#ifndef ZEGEL_SIGNER_QUEUE_H
#define ZEGEL_SIGNER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queued {
    const void *key;    /* by address */
    const char *domain; /* lasts as long as the entry */
    int64_t deadline_ms;
    size_t octets;       /* that it holds while it is here */
    struct share *share; /* NULL: in no queue */
    bool waiting;        /* not under way yet */
    struct queued *next;
};

struct queue {
    struct share *shares; /* of those that have anything waiting or under way */
    uint64_t turn;        /* of what was started last */
};

/* `e` waits from now on; key, domain and deadline are set. False without memory. */
bool queue_add(struct queue *q, struct queued *e);
/* The one to serve next, or NULL. */
struct queued *queue_next(const struct queue *q);
/* The token has it. */
void queue_start(struct queue *q, struct queued *e);
/* It is answered, or given up: waiting or under way, or in no queue at all. */
void queue_end(struct queue *q, struct queued *e);
/* How many would be served before `e`, were it added now. */
size_t queue_ahead(const struct queue *q, const struct queued *e);
/* How many of its share are waiting or under way. */
size_t queue_share(const struct queue *q, const struct queued *e);
/* And how many octets they hold. */
size_t queue_share_octets(const struct queue *q, const struct queued *e);

#endif
