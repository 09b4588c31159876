/* The parts of verify.h, one file each; only they include this. */
#ifndef ZEGEL_CEREMONY_VERIFY_PARTS_H
#define ZEGEL_CEREMONY_VERIFY_PARTS_H

#include "ceremony/verify.h"

struct verify {
    struct transcript t;
    const struct verify_options *o;
    json_t *signers, *entries;       /* who approved; the journal */
    bool abandoned;                  /* by its journal; then the steps end early, and there need be no response */
    struct bytes manifest, response; /* borrowed of t.files */
    struct buf *report;
};

/* Each: ZEGEL_OK and lines in the report, or the first thing that does not hold in `why`. In this order. */
int verify_journal(struct verify *v, struct buf *why);
int verify_keys(struct verify *v, struct buf *why);
int verify_stamp(struct verify *v, struct buf *why);
int verify_published(struct verify *v, struct buf *why);
int verify_zone(struct verify *v, struct buf *why);
int verify_audit(struct verify *v, struct buf *why);

/* ZEGEL_ERR_FORMAT, with `text` in `why`. */
int verify_no(struct buf *why, const char *text);
/* A text member, "" when there is none. */
const char *verify_text(const json_t *e, const char *name);
/* The data of a step's `done` line, borrowed, or NULL. */
const json_t *verify_done(const struct verify *v, const char *step);

#endif
