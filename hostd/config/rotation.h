/* rotation: domains whose keys come and go (zegel rotate): their policy, and the keys they sign with now. */
#ifndef ZEGEL_CONFIG_ROTATION_H
#define ZEGEL_CONFIG_ROTATION_H

#include "config/schema.h"

bool rotation_any(const struct config *c);
/* Every domain has keys of its own, rotation: yes, or both. Before rotation_take. */
int rotation_keys_check(const struct config *c, const char *file, struct buf *why);
/* The keys of active.yaml instead of their own to the domains that rotate; of other domains it may speak as well. */
void rotation_take(struct config *c, struct config_active *list, unsigned count);
/* Completes the policy of each domain that rotates, and checks it. */
int rotation_check(struct config *c, const char *file, struct buf *why);

#endif
