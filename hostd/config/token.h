/* token: what stands under tokens:. */
#ifndef ZEGEL_CONFIG_TOKEN_H
#define ZEGEL_CONFIG_TOKEN_H

#include "config/config.h"

/* Defaults and bounds of number `token`. ZEGEL_ERR_CONFIG and one line in `why`. */
int token_check(struct config *c, unsigned token, const char *file, struct buf *why);
/* file:/PATH, credential:NAME, prompt or pinpad. */
bool token_pin_source_is_valid(const char *s);

#endif
