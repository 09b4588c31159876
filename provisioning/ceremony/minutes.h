/* minutes: what people write into the journal: exceptions (E1, E2, ...), and that the ceremony is given up. */
#ifndef ZEGEL_CEREMONY_MINUTES_H
#define ZEGEL_CEREMONY_MINUTES_H

#include "ceremony/transcript.h"

/* What happened, what was decided, who agreed: one line of UTF-8 each, not empty. */
struct minutes {
    const char *text, *decision, *agreed;
};

/* While the ceremony goes on, or before it begins. */
int minutes_exception(const struct transcript *t, const struct minutes *m, struct buf *why);
/* The way out of a ceremony that cannot go on: its journal is closed where it stands. It is sealed and signed like any other,
 * permits nothing, and the next plan continues it. ZEGEL_ERR_REFUSED when it has ended, or never was begun. */
int minutes_abandon(const struct transcript *t, const struct minutes *m, struct buf *why);

/* Is there nothing in `text` that moves the cursor or turns the writing round? */
bool minutes_is_plain(const char *text);

#endif
