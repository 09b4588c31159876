/* publish: DNS changed to what is wanted: by an update, by a program, or by people. */
#ifndef ZEGEL_LIFECYCLE_PUBLISH_H
#define ZEGEL_LIFECYCLE_PUBLISH_H

#include "config/config.h"
#include "dns/observe.h"
#include "dns/update.h"

enum { PUBLISH_TTL = 3600 };

struct publish {
    const struct config_rotation *rotation;
    struct observe *observe;
    const struct update_server *server; /* CONFIG_PUBLISH_UPDATE; NULL: there is none, since: */
    const char *server_fault;
};

/* One record set: what it is, and is to be; NULL: nothing. ZEGEL_OK says that somebody was told, no more: DNS is looked at for
 * the rest. Otherwise one line in `why`. */
struct publish_change {
    const char *name, *before, *wanted;
};
int publish_send(const struct publish *p, const struct publish_change *c, struct buf *why);
/* For people: the change in zone-file form, and as the one string that web consoles want. */
void publish_print(const struct publish_change *c, struct buf *text);

#endif
