/* machine: the life of a domain's keys, as rules. Pure: no clock, no file, no network; time is a parameter, what was observed is
 * another, and what is to be done is the answer. All times are seconds since 1970 (UTC); durations count from observations.
 *
 * The unit is a generation: the keys of a domain, one for each algorithm, that move together. A generation is in one state; its
 * private keys have an axis of their own. At any time one generation signs, and one more stands by. */
#ifndef ZEGEL_LIFECYCLE_MACHINE_H
#define ZEGEL_LIFECYCLE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum { LIFE_GENERATIONS_MAX = 32 };

enum life_state {
    LIFE_PLANNED,
    LIFE_GENERATED,
    LIFE_BACKED_UP,
    LIFE_NO_BACKUP, /* no backup, and that was accepted */
    LIFE_PUBLISHING,
    LIFE_VISIBLE,
    LIFE_STANDBY,
    LIFE_ACTIVE,
    LIFE_RETIRED,
    LIFE_REVOKED,   /* its record has an empty p= */
    LIFE_TOMBSTONE, /* its record is gone; the selector is never used again */
    LIFE_ABORTED,   /* given up before it signed */
    LIFE_COMPROMISED,
};

enum life_private {
    LIFE_ABSENT,   /* not made yet */
    LIFE_LIVE,     /* on the token */
    LIFE_DISABLED, /* on the token, and no configuration names it any more */
    LIFE_DESTROYED,
};

struct life_generation {
    unsigned number; /* from 1, never twice */
    enum life_state state;
    enum life_private private_key;
    int64_t since_s;            /* when it came into this state */
    int64_t seen_s;             /* the first time that all servers had its record; 0: not yet */
    int64_t activated_s;        /* 0: never */
    int64_t retired_s;          /* 0: not yet */
    uint32_t ttl, negative_ttl; /* as observed, seconds */
    unsigned revoked_at;        /* life_domain.activations when it was revoked */
    bool approved;              /* its private keys may be destroyed */
    bool closed;                /* nothing is left to be done or looked at */
};

struct life_domain {
    struct life_generation generations[LIFE_GENERATIONS_MAX]; /* by number */
    unsigned count;
    unsigned signing;     /* the number of the one that signs; 0: none yet */
    unsigned activations; /* so far */
    unsigned last_number; /* the highest there ever was */
    bool frozen;          /* DNS was changed by someone else: people must look */
    bool suspended;       /* people said so */
};

/* All durations in seconds. life_policy_default has the project's; life_policy_problem the floors. */
struct life_policy {
    int64_t sample_gap;  /* between the two samples that make a record visible */
    int64_t settle;      /* beyond the TTLs */
    int64_t visible_min; /* before a key may sign, at least */
    int64_t active_max;
    int64_t unused;                      /* so long has a key not signed when it is retired */
    int64_t destroy_after, revoke_after; /* both from its retirement */
    bool approve_destruction;            /* people approve each one */
    bool backup_required;                /* a backup is waited for; otherwise none is accepted */
    bool by_ceremony;                    /* keys are made in ceremonies, and adopted */
};

/* What all servers of the zone say of the records of one generation, together. */
enum life_seen {
    LIFE_UNSEEN, /* not all could be asked, or the answer does not validate: nothing may follow from it */
    LIFE_OLD,    /* everywhere what was there before the last change that we wanted */
    LIFE_MIXED,  /* some have the change already */
    LIFE_WANTED, /* everywhere exactly what is wanted, and it validates */
    LIFE_FOREIGN /* something that we never put there */
};

enum life_token { LIFE_TOKEN_UNKNOWN, LIFE_TOKEN_MISSING, LIFE_TOKEN_HAS };

struct life_view {
    enum life_seen seen;
    uint32_t ttl, negative_ttl; /* of the record, and of its zone's denials */
    enum life_token token;      /* has it all keys of this generation? */
    int64_t signed_s;           /* when it last signed, if within life_policy.unused; 0: not since */
    bool sent;                  /* the change was sent in this round: wait and look again */
};

struct life_world {
    int64_t now_s;
    int64_t taken_s; /* since when every node signs with `signing`; 0: not all do, or it is not known */
    struct life_view views[LIFE_GENERATIONS_MAX]; /* in the order of life_domain.generations */
};

enum life_act {
    LIFE_WAIT,
    LIFE_PLAN,     /* reserve selectors for one more generation */
    LIFE_GENERATE, /* make its keys on the token; what is there already is kept */
    LIFE_ACCEPT,   /* that it has no backup */
    LIFE_PUBLISH,  /* from now on its record is wanted */
    LIFE_SEND,     /* have DNS changed to what is wanted */
    LIFE_SAMPLE,   /* note that all servers have it */
    LIFE_LOSE,     /* not all have it any more: the next sample is a first one */
    LIFE_SHOW,     /* it is visible */
    LIFE_READY,    /* nobody has an older answer in a cache: it stands by */
    LIFE_ACTIVATE, /* it signs from now on */
    LIFE_RETIRE,
    LIFE_DESTROY, /* its private keys */
    LIFE_REVOKE,  /* from now on an empty p= is wanted */
    LIFE_REMOVE,  /* from now on no record is wanted */
    LIFE_ABORT,
    LIFE_CLOSE,
    LIFE_FREEZE,
};

enum life_why {
    LIFE_WHY_NOTHING,   /* there is nothing to do */
    LIFE_WHY_BACKUP,    /* for somebody to say that there is a backup */
    LIFE_WHY_SERVERS,   /* for all servers to have the record */
    LIFE_WHY_SAMPLE,    /* for the second sample */
    LIFE_WHY_SETTLE,    /* for caches to forget that it was not there */
    LIFE_WHY_TURN,      /* for its turn */
    LIFE_WHY_SUCCESSOR, /* for another generation to be able to sign */
    LIFE_WHY_NODES,     /* for every node to sign with the new one */
    LIFE_WHY_UNUSED,    /* for it not to have signed for a while */
    LIFE_WHY_DESTROY,   /* for the time of its private keys' destruction */
    LIFE_WHY_APPROVAL,  /* for somebody to approve that */
    LIFE_WHY_REVOKE,    /* for the mail that it signed to be delivered */
    LIFE_WHY_ROTATION,  /* for one more rotation */
    LIFE_WHY_TOKEN,     /* for the token to answer */
    LIFE_WHY_CEREMONY,  /* for a ceremony to make keys */
    LIFE_WHY_FROZEN,
    LIFE_WHY_SUSPENDED,
};

struct life_todo {
    enum life_act act;
    unsigned index;    /* into life_domain.generations; not for LIFE_PLAN */
    enum life_why why; /* of LIFE_WAIT */
    int64_t until_s;   /* of LIFE_WAIT; 0: nobody knows */
};

/* What a record is to say. */
enum life_record { LIFE_RECORD_NONE, LIFE_RECORD_KEY, LIFE_RECORD_EMPTY };

extern const struct life_policy life_policy_default;
/* Why these are no safe durations, or NULL. */
const char *life_policy_problem(const struct life_policy *p);

/* What to do next for the domain: the first act that is due, or LIFE_WAIT. */
struct life_todo life_next(const struct life_policy *p, const struct life_domain *d, const struct life_world *w);
/* The same for one generation: what it waits for. */
struct life_todo life_next_of(const struct life_policy *p, const struct life_domain *d, const struct life_world *w,
                              unsigned index);
/* The domain after the act. LIFE_PUBLISH, LIFE_REVOKE, LIFE_REMOVE and LIFE_ABORT only say what is wanted, LIFE_ACTIVATE who
 * signs: what changes the world comes after this is durable. LIFE_PLAN drops what is closed, so that indices change. False when
 * there is no room for one more generation. */
bool life_apply(struct life_domain *d, const struct life_world *w, const struct life_todo *todo);

/* What people decide. False when the state does not allow it. */
bool life_compromise(struct life_domain *d, unsigned index, int64_t now_s);
bool life_abort(struct life_domain *d, unsigned index, int64_t now_s);

/* What DNS is to say of it, and what it said before that. */
enum life_record life_wanted(const struct life_domain *d, const struct life_generation *g);
enum life_record life_before(const struct life_domain *d, const struct life_generation *g);

struct life_generation *life_find(struct life_domain *d, unsigned number); /* NULL: none */
const char *life_state_name(enum life_state s);                            /* "no-backup-accepted" */
const char *life_private_name(enum life_private p);                        /* "live" */
const char *life_act_name(enum life_act a);
/* "waits for caches to forget that it was not there" without the first two words. */
const char *life_why_text(enum life_why w);
/* The state of that name, or -1. */
int life_state_from(const char *name);

#endif
