/* landlock: the file system as this process may see it. */
#ifndef ZEGEL_SANDBOX_LANDLOCK_H
#define ZEGEL_SANDBOX_LANDLOCK_H

#include "sandbox/sandbox.h"

/* ZEGEL_ERR_NOT_FOUND when this kernel has no Landlock. */
int landlock_apply(const struct sandbox *s, struct buf *why);

#endif
