/* zonefile: the TXT records of a name in a zone file, as dig, kdig, an AXFR or zegel dns record print them: one record a line. */
#ifndef ZEGEL_CEREMONY_ZONEFILE_H
#define ZEGEL_CEREMONY_ZONEFILE_H

#include <jansson.h>

#include "base/buf.h"

/* Every TXT record of `name` (absolute, with its dot): the strings of each joined (RFC 6376 §3.6.2.2), appended to `texts`.
 * ZEGEL_ERR_FORMAT when a line of that name cannot be read: a record that is not understood is not overlooked. */
int zonefile_txt(const char *file, struct bytes content, const char *name, json_t *texts, struct buf *why);

#endif
