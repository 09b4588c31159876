/* work: one domain in a round: what is remembered of it, and what was seen. Shared by the files of round.h. */
#ifndef ZEGEL_LIFECYCLE_WORK_H
#define ZEGEL_LIFECYCLE_WORK_H

#include "lifecycle/look.h"
#include "lifecycle/publish.h"
#include "lifecycle/round.h"

/* One generation's part, by index into life_domain.generations. */
struct work_part {
    struct store_key keys[STORE_KEYS_MAX];
    unsigned count;
    struct look looks[STORE_KEYS_MAX];
    enum life_token token;
    bool token_asked, sent;
    bool permitted;     /* to sign: by a ceremony, or because none is asked for */
    struct buf todo;    /* what people have to do */
    struct buf differs; /* who does not have the records as they are wanted, as the last look had it */
};

struct work {
    struct round *round;
    const struct config_domain *domain;
    struct life_policy policy;
    struct life_domain life;
    struct life_world world;
    struct work_part parts[LIFE_GENERATIONS_MAX];
    struct buf fault; /* what stood in the way; the first of each kind */
    const char *lags; /* a node that does not sign with what is to sign: its name, "" for this host; NULL: all do */
    int64_t now_s;
};

/* From the store. Forgets what was seen. */
int work_load(struct work *w, struct buf *why);
void work_clear(struct work *w);
/* A line about what stands in the way. */
void work_fault(struct work *w, const char *line);

/* What the record of this key is wanted to be, and was before; NULL: none. `room` holds what is made of it. */
struct work_record {
    char wanted_room[STORE_RECORD_MAX], before_room[STORE_RECORD_MAX];
    const char *wanted, *before;
};
void work_record(const struct work *w, unsigned index, unsigned key, struct work_record *out);

/* Fills w->world. */
int work_see(struct work *w, struct buf *why);
/* Is the selector of this key new to DNS? ZEGEL_ERR_EXISTS: no; ZEGEL_ERR_SYSTEM: nobody could say. */
int work_is_new(struct work *w, const struct store_key *k, struct buf *why);

#endif
