/* eximspool: where a message comes from, as Exim's spool file ID-H says (Exim specification, "Format of spool files"). Pure.
 *
 * Exim's arguments to a filter may hold nothing that came from outside ("tainted"), so that this is the way to what it knows. */
#ifndef ZEGEL_FRONT_EXIMSPOOL_H
#define ZEGEL_FRONT_EXIMSPOOL_H

#include "base/bytes.h"

enum { EXIMSPOOL_ID_MAX = 32 };

/* Views into the file. */
struct eximspool {
    struct bytes sender; /* envelope, without <> */
    struct bytes client; /* IP address; empty: this machine's own mail */
    unsigned port;
    struct bytes user; /* authenticated by SMTP; empty: not */
};

/* Digits, letters and "-": what can be part of a file name. */
bool eximspool_is_id(struct bytes id);
/* False when it is not the file of message `id`, or not in the form that we know: then nothing may be concluded from it. */
bool eximspool_parse(struct bytes file, struct bytes id, struct eximspool *out);

#endif
