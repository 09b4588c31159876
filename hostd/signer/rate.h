/* rate: token buckets, and ceilings per domain and day. Time is a parameter. */
#ifndef ZEGEL_SIGNER_RATE_H
#define ZEGEL_SIGNER_RATE_H

#include "base/buf.h"
#include "config/config.h"

/* Take one permit, if there is one; ten seconds' worth may be taken at once. `at_us` is the bucket's whole state, 0 at first
 * (the generic cell rate algorithm: when the next one would be due at an even pace). */
bool rate_take(int64_t *at_us, const struct config_rate *r, int64_t now_ms);

enum ceiling_answer { CEILING_OK, CEILING_NEAR, CEILING_REACHED, CEILING_OVER };

struct ceilings; /* how much each domain signed on one UTC day */

struct ceilings *ceilings_new(void);
void ceilings_free(struct ceilings *c);
/* Count one for the domain. NEAR comes once a day, at four fifths, REACHED with the last one; then OVER, and nothing
 * is counted. A clock that is put back does not begin a day anew. */
enum ceiling_answer ceilings_take(struct ceilings *c, const char *domain, const struct config_rate *r, int64_t now_s);
/* That one was not signed after all. */
void ceilings_give_back(struct ceilings *c, const char *domain);
/* As text, one "DOMAIN COUNT" a line behind the day's number, to be taken up after a restart. */
void ceilings_print(struct ceilings *c, struct buf *out);
/* What cannot be read is skipped: it only makes a ceiling start anew. */
void ceilings_parse(struct ceilings *c, struct bytes text);
/* Counted since the last print? */
bool ceilings_changed(const struct ceilings *c);

#endif
