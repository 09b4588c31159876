#include "ipc/signer_token.h"

enum { TOKEN_REQUEST = 0x5a470011, TOKEN_REPLY = 0x5a470012 };

bool token_request_pack(const struct token_request *r, struct packer *p)
{
    pack_u32(p, TOKEN_REQUEST);
    pack_u64(p, r->id);
    pack_u32(p, r->left_ms);
    pack_bytes(p, r->key);
    pack_u32(p, r->is_text);
    pack_bytes(p, r->data);
    return !p->overflow;
}

bool token_request_unpack(struct bytes packet, struct token_request *out)
{
    struct unpacker u = {.in = packet};
    if (unpack_u32(&u) != TOKEN_REQUEST)
        return false;
    out->id = unpack_u64(&u);
    out->left_ms = unpack_u32(&u);
    out->key = unpack_bytes(&u, IPC_URI_MAX);
    uint32_t is_text = unpack_u32(&u);
    if (is_text > 1)
        return false;
    out->is_text = is_text == 1;
    out->data = unpack_bytes(&u, IPC_BLOCK_MAX);
    return unpack_done(&u);
}

bool token_reply_pack(const struct token_reply *r, struct packer *p)
{
    pack_u32(p, TOKEN_REPLY);
    pack_u64(p, r->id);
    pack_u32(p, (uint32_t)-r->err);
    pack_bytes(p, r->signature);
    pack_bytes(p, r->spki);
    pack_bytes(p, r->reason);
    return !p->overflow;
}

bool token_reply_unpack(struct bytes packet, struct token_reply *out)
{
    struct unpacker u = {.in = packet};
    if (unpack_u32(&u) != TOKEN_REPLY)
        return false;
    out->id = unpack_u64(&u);
    uint32_t err = unpack_u32(&u);
    if (err > 1000)
        return false;
    out->err = -(int)err;
    out->signature = unpack_bytes(&u, IPC_SIGNATURE_MAX);
    out->spki = unpack_bytes(&u, IPC_SPKI_MAX);
    out->reason = unpack_bytes(&u, IPC_REASON_MAX);
    return unpack_done(&u);
}
