#include "signer/workers.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

enum {
    AHEAD_NS = 20000000, /* work that a worker has beyond its sessions: a commit of the audit log may take so long */
    AHEAD_MAX = 64,
    PACE_WEIGHT = 4, /* one answer's part in the mean: a token that has become slow is soon known as such */
    PACE_LEAP = 8,   /* no more than so many times the mean counts: one call that hung says little of the next */
    AVOID_MS = 1000,
};

int workers_token(struct workers *w, const char *name)
{
    for (unsigned i = 0; i < w->count; i++)
        if (strcmp(w->tokens[i].name, name) == 0)
            return (int)i;
    char *copy = w->count == WORKERS_TOKENS_MAX ? NULL : strdup(name);
    if (copy == NULL)
        return -1;
    struct token_workers *t = &w->tokens[w->count];
    *t = (struct token_workers){.name = copy, .sessions = 1};
    for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++)
        t->all[i] = (struct worker){.fd = -1};
    return (int)w->count++;
}

bool workers_find(struct workers *w, const char *peer, unsigned *token, unsigned *number)
{
    char name[128];
    size_t len = strcspn(peer, "/");
    unsigned long n = peer[len] == '\0' ? 0 : strtoul(peer + len + 1, NULL, 10);
    if (len >= sizeof name || n >= CONFIG_WORKERS_MAX)
        return false;
    memcpy(name, peer, len);
    name[len] = '\0';
    int at = workers_token(w, name);
    if (at < 0)
        return false;
    *token = (unsigned)at;
    *number = (unsigned)n;
    return true;
}

void worker_replace(struct worker *w, int fd)
{
    if (w->fd >= 0)
        (void)close(w->fd);
    *w = (struct worker){.fd = fd, .used = w->used || fd >= 0};
}

bool worker_is_silent(const struct worker *w, int64_t now_ms)
{
    return w->in_flight > 0 && now_ms - w->heard_ms >= WORKERS_SILENT_MS;
}

bool worker_is_ready(const struct worker *w, int64_t now_ms)
{
    return w->fd >= 0 && w->logged_in && now_ms >= w->avoid_until_ms && !worker_is_silent(w, now_ms);
}

static bool is_in(unsigned set, unsigned number)
{
    return (set >> number & 1) != 0;
}

/* At least one more than it does at once: the next one lies ready. */
static unsigned most_in_flight(const struct token_workers *t, const struct worker *w)
{
    int64_t ahead = w->pace_ns == 0 ? t->sessions : AHEAD_NS / w->pace_ns;
    return t->sessions + (ahead < 1 ? 1 : ahead > AHEAD_MAX ? AHEAD_MAX : (unsigned)ahead);
}

int workers_pick(const struct token_workers *t, unsigned except, int64_t now_ms)
{
    const struct worker *best = NULL;
    bool best_ready = false;
    for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++) {
        const struct worker *w = &t->all[i];
        if (is_in(except, i) || w->fd < 0 || w->full || w->in_flight >= most_in_flight(t, w))
            continue;
        bool ready = worker_is_ready(w, now_ms);
        if (best != NULL && (best_ready != ready ? best_ready : best->in_flight <= w->in_flight))
            continue;
        best = w;
        best_ready = ready;
    }
    return best == NULL ? -1 : (int)(best - t->all);
}

bool workers_any_ready(const struct token_workers *t, unsigned except, int64_t now_ms)
{
    for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++)
        if (!is_in(except, i) && worker_is_ready(&t->all[i], now_ms))
            return true;
    return false;
}

bool workers_any(const struct token_workers *t, unsigned except)
{
    for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++)
        if (!is_in(except, i) && t->all[i].used)
            return true;
    return false;
}

bool workers_all_silent(const struct token_workers *t, unsigned set, int64_t now_ms)
{
    for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++)
        if (is_in(set, i) && !worker_is_silent(&t->all[i], now_ms))
            return false;
    return true;
}

int workers_timeout(const struct workers *w, int64_t now_ms, int most)
{
    for (unsigned t = 0; t < w->count; t++)
        for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++) {
            const struct worker *one = &w->tokens[t].all[i];
            int64_t left = one->heard_ms + WORKERS_SILENT_MS - now_ms;
            if (one->in_flight > 0 && left > 0 && left < most)
                most = (int)left;
        }
    return most;
}

int worker_send(struct worker *w, struct bytes packet, int64_t now_ms)
{
    int err = io_send(w->fd, packet, -1);
    if (err == ZEGEL_ERR_BUSY)
        w->full = true;
    if (err == ZEGEL_OK && w->in_flight++ == 0)
        w->heard_ms = now_ms;
    return err;
}

/* As many as its sessions are served at once, the others one after the other (Little's law). */
void worker_took(struct worker *w, unsigned sessions, int64_t us, unsigned load)
{
    int64_t pace = us * 1000 / (load > sessions ? load : sessions);
    if (w->pace_ns > 0 && pace > PACE_LEAP * w->pace_ns)
        pace = PACE_LEAP * w->pace_ns;
    w->pace_ns = w->pace_ns == 0 ? pace : w->pace_ns + (pace - w->pace_ns) / PACE_WEIGHT;
    if (w->pace_ns < 1)
        w->pace_ns = 1;
}

int64_t workers_wait_ms(const struct token_workers *t, size_t ahead, int64_t now_ms)
{
    double per_ms = 0;
    for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++) {
        const struct worker *w = &t->all[i];
        if (!worker_is_ready(w, now_ms))
            continue;
        if (w->pace_ns == 0)
            return 0;
        per_ms += 1e6 / (double)w->pace_ns;
    }
    return per_ms > 0 ? (int64_t)((double)ahead / per_ms) : 0;
}

/* What lies with one process: its session, its login, its memory. */
static bool is_its_own(int err)
{
    return err == ZEGEL_ERR_TOKEN_GONE || err == ZEGEL_ERR_PIN || err == ZEGEL_ERR_SYSTEM || err == ZEGEL_ERR_NOMEM;
}

bool worker_answered(struct worker *w, int err, int64_t now_ms)
{
    bool own = is_its_own(err);
    if (w->in_flight > 0)
        w->in_flight--;
    w->heard_ms = now_ms;
    w->avoid_until_ms = own ? now_ms + AVOID_MS : 0;
    w->logged_in = w->logged_in || err == ZEGEL_OK;
    return own;
}
