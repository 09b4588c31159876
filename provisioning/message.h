/* message: one RFC 5322 message from standard input, with CRLF or with LF line ends, fed to the DKIM engine. */
#ifndef ZEGEL_MESSAGE_H
#define ZEGEL_MESSAGE_H

#include "base/buf.h"
#include "dkim/sign.h"

struct message {
    struct buf text; /* as it came */
    size_t body;     /* where it starts */
    bool lf;         /* lines end in LF alone, as files on Unix do: read as CRLF, written back as LF */
    struct dkim_sign *dkim;
};

/* Reads all of `in`, which is at most 256 MiB. Both body hashes are made. ZEGEL_OK or an error with a line in `why`. */
int message_read(int in, struct message *out, struct buf *why);
void message_free(struct message *m);

#endif
