/* headers: which fields a domain's signatures cover. */
#ifndef ZEGEL_CONFIG_HEADERS_H
#define ZEGEL_CONFIG_HEADERS_H

#include "config/config.h"

/* sign-headers:, oversign-headers:, oversign-present-headers:. Each is a list of names, or of +NAME and -NAME, which change the
 * default (as in OpenDKIM's SignHeaders). Fills in d->headers; ZEGEL_ERR_CONFIG and one line in `why`. */
int headers_check(struct config_domain *d, const char *file, struct buf *why);

#endif
