/* taken: domains that rotate. zegel rotate writes STATE/active.yaml, we take it up, and write STATE/taken when all processes have
 * it: one line "DOMAIN SINCE SELECTOR[,SELECTOR]" for each domain that rotates, SINCE in seconds since 1970. */
#ifndef ZEGEL_SUPERVISOR_TAKEN_H
#define ZEGEL_SUPERVISOR_TAKEN_H

#include "supervisor/supervisor.h"

/* Has active.yaml been replaced since this was asked last? Always false when no domain rotates. */
bool taken_changed(struct supervisor *s);
/* Writes STATE/taken as soon as every process has the configuration in force, once for each. */
void taken_note(struct supervisor *s);
void taken_free(struct supervisor *s);

#endif
