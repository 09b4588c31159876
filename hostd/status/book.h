/* book: what zegel-status knows: the configuration, and the pages that the other processes count in. Text only ever comes from
 * the configuration; of the pages it takes numbers. */
#ifndef ZEGEL_STATUS_BOOK_H
#define ZEGEL_STATUS_BOOK_H

#include "config/config.h"
#include "figures/figures.h"

enum { BOOK_MINUTES = 60 };

struct book_page {
    char program[32];                /* "zegel-milter" */
    char name[FIGURES_NAME_MAX + 1]; /* which of its kind */
    const struct figures *figures;
};

/* Messages of all front ends, ever. */
struct book_total {
    uint64_t signed_, refused, tempfailed, unsigned_;
};

struct book {
    struct config *config; /* NULL: not yet */
    struct book_page pages[FIGURES_PROCESSES];
    unsigned count;
    struct book_total minutes[BOOK_MINUTES + 1]; /* how it stood at the end of each of the last minutes; the newest first */
    unsigned minutes_count;
    int64_t minute_ms; /* monotonic: when the next one ends */
};

/* Taken over. */
void book_set_config(struct book *b, struct config *c);
/* The page of "PROGRAM NAME", in place of an earlier one; the descriptor stays the caller's. */
void book_add(struct book *b, const char *name, int fd);
/* Never NULL: an empty page when there is none. */
const struct figures *book_page(const struct book *b, const char *program, const char *name);
/* That of a worker of token number `token` of the configuration. */
const struct figures *book_worker(const struct book *b, unsigned token, unsigned worker);
/* Note down the minute, if one is over. */
void book_tick(struct book *b, int64_t now_ms);
struct book_total book_total(const struct book *b);
/* The domain of the signer's page at `i`, of the configuration in force; NULL: unused, or not one of it. */
const struct config_domain *book_domain(const struct book *b, unsigned i);
/* What was signed for this domain; 0 for one that has no place of its own in the signer's page. */
void book_signatures(const struct book *b, const struct config_domain *d, uint64_t *rsa, uint64_t *ed25519);
/* The process at `i` of zegeld's page, when it is of the configuration in force. */
const struct figure_process *book_process(const struct book *b, unsigned i);

/* One word: "ready" when it is logged in, as it says itself, and lives, as zegeld says; "starting"; or why not. */
const char *book_worker_state(const struct book *b, unsigned token, unsigned worker);

/* The path of the module by which it reaches its token, or would. */
const char *book_worker_module(const struct book *b, unsigned token, unsigned worker);

/* What a page says, read once. */
static inline uint64_t book_read(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

static inline int64_t book_gauge(const struct figures *f, enum figure_gauge g)
{
    return atomic_load_explicit(&f->gauge[g], memory_order_relaxed);
}

/* So many observations, and the bound below which this share (0 to 1000) of them lies, in microseconds; -1: above all bounds, or
 * none. */
uint64_t book_observations(const struct figure_histogram *h);
int64_t book_quantile_us(const struct figure_histogram *h, unsigned per_mille);

/* A word for a reason of base/err.h without its sign, fit for a label: "token-gone". */
const char *book_reason(unsigned err);

#endif
