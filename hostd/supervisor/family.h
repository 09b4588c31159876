/* family: the processes of zegeld as a whole: who there is, who is connected to whom, what they say, who has ended. */
#ifndef ZEGEL_SUPERVISOR_FAMILY_H
#define ZEGEL_SUPERVISOR_FAMILY_H

#include "supervisor/supervisor.h"

/* Add the processes that the configuration in force wants, none of them running. False when memory is short. */
bool family_plan(struct supervisor *s);
/* Start one: socket, configuration, PIN, peers. */
int family_start(struct supervisor *s, struct child *c);
/* Start whoever should run and does not. */
void family_start_missing(struct supervisor *s);
/* Take one message of a child. False when it has hung up: it has ended, or is about to. */
bool family_hear(struct supervisor *s, struct child *c);
/* Note who has ended. False when it is one that we cannot do without. */
bool family_reap(struct supervisor *s);
/* Ask each whether it lives, from time to time; end who hangs, and who has had his time. */
void family_ping(struct supervisor *s);
/* All of the generation in force are ready, or never will be. */
bool family_all_ready(const struct supervisor *s);
/* End them all: milters first, with time for what is under way. */
void family_stop(struct supervisor *s);
/* Forget number `i`, which has ended. */
void family_remove(struct supervisor *s, unsigned i);

#endif
