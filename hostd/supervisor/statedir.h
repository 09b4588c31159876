/* statedir: the directories under state:, each of the one process that writes in it. */
#ifndef ZEGEL_SUPERVISOR_STATEDIR_H
#define ZEGEL_SUPERVISOR_STATEDIR_H

#include "config/config.h"

/* Make what is missing. False: said in the log. */
bool statedir_make(const struct config *c);

#endif
