/* figures: what a process counts about itself, in a page of memory that it shares with zegel-status. zegeld makes one page for
 * each process, hands it to that process for writing and to zegel-status for reading, and keeps it when the process is started
 * again.
 *
 * A page has one writer, and what a reader finds is numbers: whoever takes a process over can lie about that process and about no
 * other. The one kind of text, the domains of the signer's page, counts for a reader only where his own configuration has it.
 * Nothing waits for anything: all are atomic 64-bit integers. The page is sealed against shrinking, so that no reader can fault.
 */
#ifndef ZEGEL_FIGURES_H
#define ZEGEL_FIGURES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    FIGURES_LAYOUT = 0x5a460002, /* changes whenever the page does: pages live over upgrades */
    FIGURES_BUCKETS = 14,
    FIGURES_REASONS = 32, /* the numbers of base/err.h, without their sign */
    FIGURES_DOMAINS = 256,
    FIGURES_DOMAIN_MAX = 253,
    FIGURES_PROCESSES = 128,
    FIGURES_NAME_MAX = 127,
    FIGURES_VERIFIED = 16,
    FIGURE_VERIFIED_NONE = FIGURES_VERIFIED - 1,
};

/* Only ever grow. */
enum figure_counter {
    /* zegel-milter: what became of the messages it saw */
    FIGURE_SIGNED,
    FIGURE_MALFORMED, /* 550 5.6.0 */
    FIGURE_FORBIDDEN, /* 550 5.7.1 */
    FIGURE_TEMPFAILED,
    FIGURE_UNSIGNED, /* passed, as on-failure: says */
    FIGURE_UNTOUCHED,
    /* zegel-signer */
    FIGURE_RECORDS,     /* of the audit log, made durable */
    FIGURE_CHECKPOINTS, /* signed and written */
    /* zegeld */
    FIGURE_RELOADS,
    FIGURE_RELOADS_FAILED,
    FIGURE_COUNTERS
};

/* As things are now. */
enum figure_gauge {
    /* zegel-signer */
    FIGURE_QUEUE,           /* requests waiting or under way */
    FIGURE_UNSIGNED_LEAVES, /* records of the audit log that no checkpoint covers */
    FIGURE_CHECKPOINT_TIME, /* of the last one, seconds since 1970; 0: none since the start */
    FIGURE_CHECKPOINT_KEY,  /* 1: audit.key is configured */
    FIGURE_QUARANTINED,     /* keys */
    /* zegel-token */
    FIGURE_TOKEN_STATE,    /* of base/err.h without its sign; 0: logged in */
    FIGURE_TOKEN_PIN,      /* enum figure_pin, or-ed */
    FIGURE_TOKEN_KEYS,     /* configured */
    FIGURE_TOKEN_MISSING,  /* of those, not found or not usable when last looked for */
    FIGURE_TOKEN_FALLBACK, /* 1: not by the module of prefer: */
    /* zegeld */
    FIGURE_STARTED, /* seconds since 1970 */
    FIGURE_GAUGES
};

/* What the token says of its user PIN, and our latch. */
enum figure_pin { FIGURE_PIN_LOW = 1, FIGURE_PIN_FINAL = 2, FIGURE_PIN_LOCKED = 4, FIGURE_PIN_LATCHED = 8 };

enum figure_time {
    FIGURE_TIME_MESSAGE, /* zegel-milter: from the end of a message to our answer */
    FIGURE_TIME_SIGN,    /* zegel-signer: from a request to its answer */
    FIGURE_TIME_COMMIT,  /* zegel-signer: the audit log made durable */
    FIGURE_TIME_TOKEN,   /* zegel-token: one signature in the token */
    FIGURE_TIMES
};

struct figure_histogram {
    _Atomic uint64_t bucket[FIGURES_BUCKETS + 1]; /* not cumulative; the last: longer than all bounds */
    _Atomic uint64_t sum_us;
};

/* One domain of the signer. The name is written once, before `used`. */
struct figure_domain {
    _Atomic uint32_t used;
    char name[FIGURES_DOMAIN_MAX + 1];
    _Atomic uint64_t rsa, ed25519;
};

/* One process, in zegeld's page. */
struct figure_process {
    _Atomic uint32_t used;
    char program[32];
    char name[FIGURES_NAME_MAX + 1]; /* which of its kind: "TOKEN/WORKER", a socket of listen:, or "" */
    _Atomic uint32_t ready;          /* 1: it is there and serves */
    _Atomic uint64_t starts;
};

struct figures {
    uint32_t layout;
    _Atomic uint64_t counter[FIGURE_COUNTERS];
    _Atomic int64_t gauge[FIGURE_GAUGES];
    _Atomic uint64_t verified[FIGURES_VERIFIED]; /* zegel-milter: by dkim/verify.h's result, the last: no signature */
    _Atomic uint64_t failed[FIGURES_REASONS];    /* zegel-signer: refusals; zegel-token: failures */
    struct figure_histogram time[FIGURE_TIMES];
    struct figure_domain domain[FIGURES_DOMAINS];
    _Atomic uint64_t other_rsa, other_ed25519; /* of the domains for which there is no room */
    struct figure_process process[FIGURES_PROCESSES];
};

/* Upper bounds, microseconds. */
extern const int64_t figures_bounds_us[FIGURES_BUCKETS];

/* This process's own page; a private one until figures_take. */
extern struct figures *figures;

static inline void figures_count(enum figure_counter c)
{
    atomic_fetch_add_explicit(&figures->counter[c], 1, memory_order_relaxed);
}

static inline void figures_set(enum figure_gauge g, int64_t value)
{
    atomic_store_explicit(&figures->gauge[g], value, memory_order_relaxed);
}

/* Count a refusal or failure by its reason, of base/err.h. */
void figures_fail(int err);
/* Count a verified signature by its result. */
void figures_verified(unsigned result);
void figures_observe(enum figure_time t, int64_t us);
/* Count a signature for a domain of the configuration, never for a text that came with mail. One caller at a time. */
void figures_signature(const char *domain, bool ed25519);

/* ---- pages ---- */

/* A new page, all zero, sealed; a descriptor, or -1. */
int figures_new(void);
/* Map somebody's page for reading. NULL when it is none of this layout. The descriptor stays the caller's. */
const struct figures *figures_map(int fd);
void figures_unmap(const struct figures *f);
/* Make it this process's own. What it is not good for is logged and changes nothing. */
void figures_take(int fd);
/* A second descriptor for the same page that cannot write; -1. */
int figures_read_only(int fd);

#endif
