/* check: what a schema cannot say: defaults, units, bounds, and what refers to what. */
#ifndef ZEGEL_CONFIG_CHECK_H
#define ZEGEL_CONFIG_CHECK_H

#include "config/config.h"

/* Fills in the defaults and sorts the domains. ZEGEL_ERR_CONFIG and one line in `why` when something is wrong. */
int config_check(struct config *c, const char *file, struct buf *why);
/* The entry for exactly this domain (any case), or NULL. Needs the order config_check made. */
const struct config_domain *config_domain_exact(const struct config *c, struct bytes domain);

/* Puts the one line "FILE: KEY: VALUE: what is wrong" into `why`; returns ZEGEL_ERR_CONFIG. */
int config_bad(struct buf *why, const char *file, const char *key, const char *value, const char *problem);

#endif
