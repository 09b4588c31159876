/* pages: the memory in which each process counts (figures/figures.h). One page for each process of the family, kept while it is
 * started again or replaced, so that what it counted goes on. */
#ifndef ZEGEL_SUPERVISOR_PAGES_H
#define ZEGEL_SUPERVISOR_PAGES_H

#include "figures/figures.h"
#include "ipc/control.h"
#include "supervisor/child.h"

struct page {
    char name[CONTROL_NAME_MAX + 1]; /* "PROGRAM NAME", as child.h has them */
    int fd;
};

struct pages {
    struct page all[FIGURES_PROCESSES]; /* what is more counts for itself alone */
    unsigned count;
};

/* The page of that process, made when there is none; -1. */
int pages_get(struct pages *p, const struct child *c);
/* One that an earlier zegeld has left; `fd` is taken over. */
void pages_take(struct pages *p, const char *name, int fd);
/* Our own one, to be counted in from now on. */
void pages_own(struct pages *p);
/* Give a process that has just been started its page; zegel-status gets all, for reading. */
void pages_hand_over(struct pages *p, const struct child *c);

/* In our own page: it was started; it serves, or is gone. */
void pages_started(const struct child *c);
void pages_ready(const struct child *c, bool ready);

#endif
