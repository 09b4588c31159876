/* left: what a command leaves in STATE/status for zegel-status to show, where zegeld has made that directory. */
#ifndef ZEGEL_LEFT_H
#define ZEGEL_LEFT_H

#include <jansson.h>

#include "config/config.h"

/* Replaces STATE/status/NAME. What prevents it is logged: the command itself has done its work. */
void left_write(const struct config *c, const char *name, const json_t *j);
/* What was left there before; NULL: nothing, or nothing of use. */
json_t *left_read(const struct config *c, const char *name);

#endif
