/* milter_signer: zegel-milter asks for one signature; zegel-signer answers. What crosses is the canonical header block,
 * never a digest and never a body (DESIGN §2). */
#ifndef ZEGEL_IPC_MILTER_SIGNER_H
#define ZEGEL_IPC_MILTER_SIGNER_H

#include "ipc/pack.h"

enum { IPC_REASON_MAX = 400, IPC_SIGNATURE_MAX = 512, IPC_BLOCK_MAX = 64 * 1024, IPC_NAME_MAX = 253, IPC_ID_MAX = 64 };

struct sign_request {
    uint64_t id;           /* the asker's; comes back in the answer */
    uint32_t left_ms;      /* the asker waits this long */
    struct bytes domain;   /* d= */
    struct bytes selector; /* s= */
    struct bytes queue_id; /* for the audit record */
    struct bytes client;   /* address of the client, for the audit record */
    struct bytes block;    /* canonical header block with the DKIM-Signature last and b= empty */
};

struct sign_reply {
    uint64_t id;
    int err;                /* of base/err.h */
    struct bytes signature; /* when ZEGEL_OK */
    struct bytes reason;    /* one line, otherwise */
};

/* False when it does not fit. */
bool sign_request_pack(const struct sign_request *r, struct packer *p);
bool sign_request_unpack(struct bytes packet, struct sign_request *out); /* views into `packet` */
bool sign_reply_pack(const struct sign_reply *r, struct packer *p);
bool sign_reply_unpack(struct bytes packet, struct sign_reply *out);

#endif
