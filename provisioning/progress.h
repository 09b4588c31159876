/* progress: one line at the foot of the terminal while something takes longer than a second. On standard error, and only where
 * that is a terminal that can (not TERM=dumb) and --json was not asked for; gone without a trace when the work is done. It is
 * drawn by a thread of its own, so that it also moves while the token or a server keeps us waiting. One at a time; without one,
 * all calls do nothing. */
#ifndef ZEGEL_PROGRESS_H
#define ZEGEL_PROGRESS_H

#include <stdint.h>

#include "cmd.h"

/* `what` is shown as it stands, and outlives the progress. `total` 0: nobody knows how much there is. */
void progress_begin(const struct cmd_options *o, const char *what, uint64_t total);
/* So much of it is done. */
void progress_at(uint64_t done);
/* Takes the line away while something else is written to the terminal, or asked there; goes on afterwards. */
void progress_hold(void);
void progress_go_on(void);
void progress_end(void);

#endif
