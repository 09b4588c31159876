/* signer_token: zegel-signer has bytes signed with a key; zegel-token answers with the signature and the public key it
 * says it used. The signer compares that key with the one it knows, and verifies. */
#ifndef ZEGEL_IPC_SIGNER_TOKEN_H
#define ZEGEL_IPC_SIGNER_TOKEN_H

#include "ipc/milter_signer.h"

enum { IPC_URI_MAX = 1024, IPC_SPKI_MAX = 1200 };
enum { TOKEN_REPLY_LOGGED_IN = 0 }; /* a reply of this id answers nothing: the worker has come, and is ready to sign */

struct token_request {
    uint64_t id;
    uint32_t left_ms;
    struct bytes key; /* RFC 7512 URI, as the configuration has it: others are refused */
    bool is_text;     /* not a header block but a checkpoint of the log: Ed25519 signs it unhashed */
    struct bytes data;
};

struct token_reply {
    uint64_t id;
    int err;
    struct bytes signature;
    struct bytes spki; /* DER */
    struct bytes reason;
};

bool token_request_pack(const struct token_request *r, struct packer *p);
bool token_request_unpack(struct bytes packet, struct token_request *out);
bool token_reply_pack(const struct token_reply *r, struct packer *p);
bool token_reply_unpack(struct bytes packet, struct token_reply *out);

#endif
