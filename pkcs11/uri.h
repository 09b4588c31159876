/* uri: RFC 7512, through p11_kit_uri_*. */
#ifndef ZEGEL_URI_H
#define ZEGEL_URI_H

#include <p11-kit/uri.h>
#include <stdbool.h>

#include "base/buf.h"

/* The caller frees with p11_kit_uri_free. ZEGEL_ERR_USAGE and a line in `why` when it is not a pkcs11: URI. A URI that
 * carries pin-value is refused: no PIN belongs into a configuration that is world-readable or logged. */
int uri_parse(const char *text, P11KitUri **out, struct buf *why);

#endif
