/* What a token worker may touch: the files of its module, and what the configuration adds. */
#ifndef ZEGEL_WORKER_CONFINE_H
#define ZEGEL_WORKER_CONFINE_H

#include <stdbool.h>

#include "config/config.h"

/* Confines this process for ever to what token `t` of `c` needs: Landlock and seccomp by `profile:`. To be called before the
 * module is loaded, since its constructors are vendor code too. False when a layer does not apply; it has been logged then, and
 * the process must not go on. */
bool confine(const struct config *c, const struct config_token *t);

#endif
