/* relay: has one spooled message judged by zegel-milter: the way of the message that is the same for every front end. What it
 * knows of the client is what the MTA said; zegel-milter's policy decides, as for a milter MTA. */
#ifndef ZEGEL_FRONT_RELAY_H
#define ZEGEL_FRONT_RELAY_H

#include "front/message.h"

enum { RELAY_REPLY_MAX = 500 };

/* Where a message comes from, as the MTA knows it. C strings without NUL, CR, LF. */
struct relay_mail {
    const char *socket; /* file name of one of listen: */
    const char *client; /* IP address; NULL: this machine's own mail, not by a network */
    unsigned port;      /* its, not 0 */
    const char *user;   /* "" or NULL: not authenticated */
    const char *sender; /* envelope, without <> */
    const char *id;     /* for the log */
};

struct relay_answer {
    bool pass;
    char reply[RELAY_REPLY_MAX + 1]; /* when not: 4xx or 5xx with its text */
    struct edits edits;              /* when it does */
};

/* Whatever goes wrong is a 451: a message that has not been judged does not pass. Free answer->edits afterwards. */
void relay_judge(const struct relay_mail *mail, FILE *message, struct relay_answer *answer);

#endif
