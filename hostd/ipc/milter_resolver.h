/* milter_resolver: zegel-milter asks for one key record; zegel-resolver answers with what DNS says and whether DNSSEC vouches
 * for it. No other question can be asked. */
#ifndef ZEGEL_IPC_MILTER_RESOLVER_H
#define ZEGEL_IPC_MILTER_RESOLVER_H

#include "ipc/milter_signer.h"

enum { IPC_KEYRECORD_MAX = 4096 };

struct key_request {
    uint64_t id;
    uint32_t left_ms;
    struct bytes name; /* SELECTOR._domainkey.DOMAIN, A-labels only, no dot at its end */
};

enum key_status {
    KEY_FOUND,     /* one TXT record */
    KEY_NONE,      /* no such name, or no TXT */
    KEY_MANY,      /* several: undefined (RFC 6376 §3.6.2.2) */
    KEY_TRY_LATER, /* no answer in time, a server that failed, or bogus */
};

enum key_security {
    KEY_INSECURE, /* no chain of trust leads there */
    KEY_SECURE,
    KEY_BOGUS, /* a chain leads there, and the answer does not fit it: KEY_TRY_LATER */
};

struct key_reply {
    uint64_t id;
    enum key_status status;
    enum key_security security;
    struct bytes txt; /* its strings, joined */
};

bool key_request_pack(const struct key_request *r, struct packer *p);
bool key_request_unpack(struct bytes packet, struct key_request *out); /* views into `packet` */
bool key_reply_pack(const struct key_reply *r, struct packer *p);
bool key_reply_unpack(struct bytes packet, struct key_reply *out);

#endif
