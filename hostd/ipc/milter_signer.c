#include "ipc/milter_signer.h"

enum { SIGN_REQUEST = 0x5a470001, SIGN_REPLY = 0x5a470002 };

bool sign_request_pack(const struct sign_request *r, struct packer *p)
{
    pack_u32(p, SIGN_REQUEST);
    pack_u64(p, r->id);
    pack_u32(p, r->left_ms);
    pack_bytes(p, r->domain);
    pack_bytes(p, r->selector);
    pack_bytes(p, r->queue_id);
    pack_bytes(p, r->client);
    pack_bytes(p, r->block);
    return !p->overflow;
}

bool sign_request_unpack(struct bytes packet, struct sign_request *out)
{
    struct unpacker u = {.in = packet};
    if (unpack_u32(&u) != SIGN_REQUEST)
        return false;
    out->id = unpack_u64(&u);
    out->left_ms = unpack_u32(&u);
    out->domain = unpack_bytes(&u, IPC_NAME_MAX);
    out->selector = unpack_bytes(&u, IPC_NAME_MAX);
    out->queue_id = unpack_bytes(&u, IPC_ID_MAX);
    out->client = unpack_bytes(&u, IPC_ID_MAX);
    out->block = unpack_bytes(&u, IPC_BLOCK_MAX);
    return unpack_done(&u);
}

bool sign_reply_pack(const struct sign_reply *r, struct packer *p)
{
    pack_u32(p, SIGN_REPLY);
    pack_u64(p, r->id);
    pack_u32(p, (uint32_t)-r->err);
    pack_bytes(p, r->signature);
    pack_bytes(p, r->reason);
    return !p->overflow;
}

bool sign_reply_unpack(struct bytes packet, struct sign_reply *out)
{
    struct unpacker u = {.in = packet};
    if (unpack_u32(&u) != SIGN_REPLY)
        return false;
    out->id = unpack_u64(&u);
    uint32_t err = unpack_u32(&u);
    if (err > 1000)
        return false;
    out->err = -(int)err;
    out->signature = unpack_bytes(&u, IPC_SIGNATURE_MAX);
    out->reason = unpack_bytes(&u, IPC_REASON_MAX);
    return unpack_done(&u);
}
