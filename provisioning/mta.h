/* mta: the MTA's side of the milter protocol (version 6), for one message: what a filter would add to it, or answers. */
#ifndef ZEGEL_MTA_H
#define ZEGEL_MTA_H

#include "base/buf.h"

struct mta_message {
    const char *sender; /* address without <>: MAIL FROM, RCPT TO and, for the filter, the authenticated user */
    const struct mta_field {
        const char *name, *value; /* value with the space behind the colon */
    } * fields;
    unsigned fields_count;
    const char *body; /* lines end in CRLF */
};

enum { MTA_ADDED_MAX = 32, MTA_PACKET_MAX = 1 << 17 };

struct mta_answer {
    bool accepted;
    struct buf reply; /* not accepted: "451 4.7.5 ...", or what the filter asks for */
    struct mta_added {
        char *name, *value; /* lines end in CRLF */
    } added[MTA_ADDED_MAX]; /* as inserted, one after the other */
    unsigned added_count;
};

/* Shows the message to the filter that listens on `name` (unix:PATH, inet:PORT@HOST, inet6:PORT@HOST) as mail of this machine.
 * ZEGEL_OK: it answered; ZEGEL_ERR_NOT_FOUND: nobody listens there, or may not be asked; ZEGEL_ERR_TIMEOUT, ZEGEL_ERR_CLOSED,
 * ZEGEL_ERR_FORMAT: it did not answer, or not in this protocol; a line in `why`. The caller clears *out in any case. */
int mta_offer(const char *name, const struct mta_message *m, int64_t deadline_ms, struct mta_answer *out, struct buf *why);
void mta_answer_clear(struct mta_answer *a);

#endif
