/* workers: the processes at the tokens: who is there, who has how much under way, who is silent. Each token may have several,
 * all logged in. Which requests they have is the caller's to know. Time is a parameter, in monotonic milliseconds. */
#ifndef ZEGEL_SIGNER_WORKERS_H
#define ZEGEL_SIGNER_WORKERS_H

#include "config/config.h"

enum { WORKERS_TOKENS_MAX = 64, WORKERS_SILENT_MS = 1000 };

struct worker {
    int fd;    /* -1: none now */
    bool used; /* there has been one, so there will be one again */
    unsigned in_flight;
    bool full;              /* its socket took no more: wait for POLLOUT */
    bool logged_in;         /* it has said so, or signed */
    unsigned malformed;     /* of its answers */
    int64_t pace_ns;        /* from one answer to the next when it has enough to do, as measured; 0: not yet */
    int64_t heard_ms;       /* its last answer, or when it got the first of what it has */
    int64_t avoid_until_ms; /* it could not; what another one may be able to */
};

struct token_workers {
    char *name;
    unsigned sessions; /* of each worker: what it does at once */
    struct worker all[CONFIG_WORKERS_MAX];
};

struct workers {
    struct token_workers tokens[WORKERS_TOKENS_MAX];
    unsigned count;
};

/* Index of the token of this name, made when it is new; -1 when there is no room. */
int workers_token(struct workers *w, const char *name);
/* "TOKEN/NUMBER", or "TOKEN" for number 0, as zegeld names them: false when that is none. */
bool workers_find(struct workers *w, const char *peer, unsigned *token, unsigned *number);
/* A new process in the place of whoever was there; the descriptor is taken over. fd -1: nobody. */
void worker_replace(struct worker *w, int fd);

/* Has had something for a second and said nothing. */
bool worker_is_silent(const struct worker *w, int64_t now_ms);
/* Logged in, not silent, and has not just failed. */
bool worker_is_ready(const struct worker *w, int64_t now_ms);
/* Number of the one to ask, not one of the set `except` (bit N: number N): of those that are ready, or else of all, the one with
 * the least under way. -1: none that takes any. One takes what it does at once, and so much more that its sessions do not run dry
 * while we do something else; the rest waits here, where its order may still change. */
int workers_pick(const struct token_workers *t, unsigned except, int64_t now_ms);
/* Is one ready that is not in the set? */
bool workers_any_ready(const struct token_workers *t, unsigned except, int64_t now_ms);
/* Is one there, or will be, that is not in the set? */
bool workers_any(const struct token_workers *t, unsigned except);
/* Is each of the set silent? */
bool workers_all_silent(const struct token_workers *t, unsigned set, int64_t now_ms);
/* Milliseconds until the next one may turn silent, at most `most`. */
int workers_timeout(const struct workers *w, int64_t now_ms, int most);

/* ZEGEL_OK; ZEGEL_ERR_BUSY: not now; ZEGEL_ERR_CLOSED: it is gone. */
int worker_send(struct worker *w, struct bytes packet, int64_t now_ms);
/* It took `us` microseconds for something, and had `load` under way with it when it got that. */
void worker_took(struct worker *w, unsigned sessions, int64_t us, unsigned load);
/* Milliseconds until those that are ready have done `ahead` requests, as measured; 0 as long as nobody knows. */
int64_t workers_wait_ms(const struct token_workers *t, size_t ahead, int64_t now_ms);
/* It has answered to something with `err`. True for an error that another worker may not have. */
bool worker_answered(struct worker *w, int err, int64_t now_ms);

#endif
