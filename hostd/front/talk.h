/* talk: the MTA's side of the milter protocol, as far as zegel-milter needs it: packets over a local socket, one deadline for all
 * of a message. Knows no mail. */
#ifndef ZEGEL_FRONT_TALK_H
#define ZEGEL_FRONT_TALK_H

#include "base/bytes.h"

enum { TALK_DATA_MAX = 65535 }; /* octets of one packet behind its command, as libmilter has it */

/* Looks up who user zegel is, once, before other threads and before the user database is out of reach. */
void talk_know_zegel(void);

struct talk {
    int fd;
    int64_t deadline_ms; /* monotonic */
    uint8_t in[TALK_DATA_MAX + 1];
};

/* Connects to the socket file `path` and agrees on the protocol. False: *why says why, and nothing is open. Whoever listens there
 * must be root, user zegel, or we ourselves: mail is shown to nobody else, and nobody else's verdict counts. */
bool talk_open(struct talk *t, const char *path, int64_t deadline_ms, const char **why);
void talk_close(struct talk *t);
/* False: the other end is gone, or the deadline has passed. */
bool talk_send(struct talk *t, char command, struct bytes data);
/* The next answer; "in progress" is none. *data is a view into t->in, which the next call overwrites. */
bool talk_receive(struct talk *t, char *command, struct bytes *data);

#endif
