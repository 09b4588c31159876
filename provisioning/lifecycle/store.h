/* store: what zegel rotate remembers, in STATE/zegel.db (SQLite). The token and DNS are observed anew each time and win over it,
 * but for what nobody can observe: which selectors there ever were, what was decided, and what was about to be done.
 *
 * Two tables only grow, and the database itself refuses anything else: transitions (each step of each generation) and intents
 * (each act on a token or on DNS, written down before it, its outcome after it). An intent without an outcome is an act that was
 * cut off. */
#ifndef ZEGEL_LIFECYCLE_STORE_H
#define ZEGEL_LIFECYCLE_STORE_H

#include "base/buf.h"
#include "lifecycle/machine.h"

enum { STORE_KEYS_MAX = 2, STORE_ID_LEN = 20, STORE_RECORD_MAX = 1024 };

struct store;

/* One key of a generation. The CKA_ID is chosen before the key is made, so that it is found again whatever happens. */
struct store_key {
    unsigned number;    /* of the generation */
    char algorithm[12]; /* "rsa2048", "ed25519" */
    char selector[64];
    char id[2 * STORE_ID_LEN + 1]; /* CKA_ID in hexadecimal; of an adopted key as long as it is there */
    char spki_sha256[65];          /* "": not made yet */
    char record[STORE_RECORD_MAX]; /* the TXT record; "": not made yet */
};

struct store_transition {
    int64_t time_s;
    const char *domain;
    unsigned number; /* 0: the domain as a whole */
    const char *act; /* life_act_name, or what somebody decided: "compromise", "approve destroy" ... */
    const char *from, *to;
    const char *who;  /* user name */
    const char *note; /* "" */
};

/* The directory and its files must be ours, and nobody else's to write. With `write`, the only one at a time: ZEGEL_ERR_BUSY when
 * another has it. ZEGEL_ERR_NOT_FOUND: there is none, and `write` is not set; it is made otherwise. ZEGEL_ERR_SYSTEM. */
int store_open(const char *state, bool write, struct store **out, struct buf *why);
void store_close(struct store *s);

/* All that changes anything between the two happens as one, durably, or not at all. */
int store_begin(struct store *s, struct buf *why);
int store_commit(struct store *s, struct buf *why);
void store_rollback(struct store *s);

/* ZEGEL_ERR_REFUSED when the clock is behind the last step that was written. */
int store_clock(struct store *s, int64_t now_s, struct buf *why);

/* A domain that was never seen is an empty one. */
int store_load(struct store *s, const char *domain, struct life_domain *out, struct buf *why);
int store_save(struct store *s, const char *domain, const struct life_domain *d, struct buf *why);
int store_enter(struct store *s, const struct store_transition *t, struct buf *why);

/* Of one generation, the RSA key first. */
int store_keys(struct store *s, const char *domain, unsigned number, struct store_key out[STORE_KEYS_MAX], unsigned *count,
               struct buf *why);
/* ZEGEL_ERR_EXISTS: the domain had this selector before. */
int store_key_add(struct store *s, const char *domain, const struct store_key *k, struct buf *why);
int store_key_made(struct store *s, const char *domain, const struct store_key *k, struct buf *why);
/* The number of the generation with this selector; 0: none. */
int store_find_selector(struct store *s, const char *domain, const char *selector, unsigned *number, struct buf *why);

/* What is wrong with a domain now, for people; "": nothing. */
int store_fault_set(struct store *s, const char *domain, const char *text, struct buf *why);
int store_fault_get(struct store *s, const char *domain, struct buf *text, struct buf *why);

/* What a generation waits for, as of the last run, and until when; 0: nobody knows. */
int store_waits_set(struct store *s, const char *domain, unsigned number, const char *text, int64_t until_s, struct buf *why);
int store_waits_get(struct store *s, const char *domain, unsigned number, struct buf *text, int64_t *until_s, struct buf *why);

/* Before an act, durably (outside store_begin), and after it. */
int store_intend(struct store *s, int64_t now_s, const char *domain, unsigned number, const char *act, const char *what,
                 int64_t *intent, struct buf *why);
int store_outcome(struct store *s, int64_t intent, int64_t now_s, const char *outcome, struct buf *why);
/* Acts that were cut off are said to be so, and counted. */
int store_cut_off(struct store *s, int64_t now_s, unsigned *count, struct buf *why);

/* A ceremony's permission is taken once: only a serial higher than the last one for this key. ZEGEL_ERR_REFUSED otherwise. */
int store_permission(struct store *s, const char *domain, const char *selector, unsigned serial, struct buf *why);

/* That a generation may sign, where ceremonies permit that. */
int store_permit(struct store *s, const char *domain, unsigned number, struct buf *why);
int store_permitted(struct store *s, const char *domain, unsigned number, bool *out, struct buf *why);

/* For zegel check: the life of one key; ZEGEL_ERR_NOT_FOUND when there is no such key. Times in seconds since 1970, 0: not (yet).
 */
struct store_life {
    int64_t made_s, seen_s, activated_s, retired_s, revoked_s;
    enum life_state state;
};
int store_life(struct store *s, const char *domain, const char *selector, struct store_life *out, struct buf *why);

#endif
