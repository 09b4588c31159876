/* smtpdline: one line of smtpd-filters(7), as OpenSMTPD writes it to a filter's standard input. Pure. */
#ifndef ZEGEL_FRONT_SMTPDLINE_H
#define ZEGEL_FRONT_SMTPDLINE_H

#include "base/bytes.h"

enum { SMTPDLINE_ID_MAX = 16 };

enum smtpdline_kind {
    SMTPDLINE_OTHER, /* nothing that concerns us */
    SMTPDLINE_READY, /* config|ready: tell smtpd what we want to hear */
    SMTPDLINE_CONNECT,
    SMTPDLINE_DISCONNECT,
    SMTPDLINE_AUTH, /* succeeded */
    SMTPDLINE_MAIL, /* accepted by smtpd */
    SMTPDLINE_RESET,
    SMTPDLINE_DATA,    /* a filter's turn: one line of a message */
    SMTPDLINE_COMMIT,  /* a filter's turn: is the message to be taken? */
    SMTPDLINE_VERSION, /* a version of the protocol that we do not know */
    SMTPDLINE_BAD,     /* of those, and not in the form that we know: nothing may be concluded from it */
};

/* Views into the line. */
struct smtpdline {
    enum smtpdline_kind kind;
    struct bytes session, token; /* up to SMTPDLINE_ID_MAX hexadecimal digits; token: of DATA and COMMIT */
    struct bytes text;           /* AUTH: the user; MAIL: the envelope sender; DATA: the line, as SMTP has it (dots doubled) */
    struct bytes id;             /* MAIL: smtpd's name for the message */
    struct bytes client;         /* CONNECT: the IP address; empty: by a socket of this machine */
    unsigned port;
};

/* `line` without its LF. */
struct smtpdline smtpdline_parse(struct bytes line);

#endif
