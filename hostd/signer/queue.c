#include "signer/queue.h"

#include <stdlib.h>
#include <string.h>

struct share {
    const void *key;
    char *domain;
    struct queued *first, *last; /* those that wait, by deadline */
    size_t waiting, under_way, octets;
    uint64_t turn; /* number of its next one; who comes newly begins where the others are */
    struct share *next;
};

static struct share *find(const struct queue *q, const struct queued *e)
{
    for (struct share *s = q->shares; s != NULL; s = s->next)
        if (s->key == e->key && strcmp(s->domain, e->domain) == 0)
            return s;
    return NULL;
}

static struct share *find_or_make(struct queue *q, const struct queued *e)
{
    struct share *s = find(q, e);
    if (s != NULL)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL || (s->domain = strdup(e->domain)) == NULL) {
        free(s);
        return NULL;
    }
    s->key = e->key;
    s->turn = q->turn;
    s->next = q->shares;
    q->shares = s;
    return s;
}

/* Nearly always it belongs at the end: messages have equally long. */
static void insert(struct share *s, struct queued *e)
{
    struct queued **at = &s->first;
    if (s->last != NULL && s->last->deadline_ms <= e->deadline_ms)
        at = &s->last->next;
    while (*at != NULL && (*at)->deadline_ms <= e->deadline_ms)
        at = &(*at)->next;
    e->next = *at;
    *at = e;
    if (e->next == NULL)
        s->last = e;
}

static void take_out(struct share *s, struct queued *e)
{
    struct queued *before = NULL;
    struct queued **at = &s->first;
    while (*at != e) {
        before = *at;
        at = &(*at)->next;
    }
    *at = e->next;
    if (s->last == e)
        s->last = before;
    s->waiting--;
    e->waiting = false;
    e->next = NULL;
}

bool queue_add(struct queue *q, struct queued *e)
{
    e->share = find_or_make(q, e);
    if (e->share == NULL)
        return false;
    insert(e->share, e);
    e->share->waiting++;
    e->share->octets += e->octets;
    e->waiting = true;
    return true;
}

static bool goes_before(const struct share *a, const struct share *b)
{
    return a->turn != b->turn ? a->turn < b->turn : a->first->deadline_ms < b->first->deadline_ms;
}

struct queued *queue_next(const struct queue *q)
{
    const struct share *best = NULL;
    for (const struct share *s = q->shares; s != NULL; s = s->next)
        if (s->first != NULL && (best == NULL || goes_before(s, best)))
            best = s;
    return best == NULL ? NULL : best->first;
}

void queue_start(struct queue *q, struct queued *e)
{
    take_out(e->share, e);
    e->share->under_way++;
    q->turn = e->share->turn++;
}

void queue_end(struct queue *q, struct queued *e)
{
    struct share *s = e->share;
    if (s == NULL)
        return;
    if (e->waiting)
        take_out(s, e);
    else
        s->under_way--;
    e->share = NULL;
    s->octets -= e->octets;
    if (s->waiting + s->under_way > 0)
        return;
    struct share **at = &q->shares;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s->domain);
    free(s);
}

size_t queue_ahead(const struct queue *q, const struct queued *e)
{
    size_t own = queue_share(q, e), ahead = 0;
    for (const struct share *s = q->shares; s != NULL; s = s->next) {
        size_t n = s->waiting + s->under_way;
        ahead += n < own + 1 ? n : own + 1;
    }
    return ahead;
}

size_t queue_share(const struct queue *q, const struct queued *e)
{
    const struct share *s = find(q, e);
    return s == NULL ? 0 : s->waiting + s->under_way;
}

size_t queue_share_octets(const struct queue *q, const struct queued *e)
{
    const struct share *s = find(q, e);
    return s == NULL ? 0 : s->octets;
}
