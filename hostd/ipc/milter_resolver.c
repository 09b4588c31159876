#include "ipc/milter_resolver.h"

enum { KEY_REQUEST = 0x5a470031, KEY_REPLY = 0x5a470032 };

bool key_request_pack(const struct key_request *r, struct packer *p)
{
    pack_u32(p, KEY_REQUEST);
    pack_u64(p, r->id);
    pack_u32(p, r->left_ms);
    pack_bytes(p, r->name);
    return !p->overflow;
}

bool key_request_unpack(struct bytes packet, struct key_request *out)
{
    struct unpacker u = {.in = packet};
    if (unpack_u32(&u) != KEY_REQUEST)
        return false;
    out->id = unpack_u64(&u);
    out->left_ms = unpack_u32(&u);
    out->name = unpack_bytes(&u, IPC_NAME_MAX);
    return unpack_done(&u);
}

bool key_reply_pack(const struct key_reply *r, struct packer *p)
{
    pack_u32(p, KEY_REPLY);
    pack_u64(p, r->id);
    pack_u32(p, (uint32_t)r->status);
    pack_u32(p, (uint32_t)r->security);
    pack_bytes(p, r->txt);
    return !p->overflow;
}

bool key_reply_unpack(struct bytes packet, struct key_reply *out)
{
    struct unpacker u = {.in = packet};
    if (unpack_u32(&u) != KEY_REPLY)
        return false;
    out->id = unpack_u64(&u);
    uint32_t status = unpack_u32(&u), security = unpack_u32(&u);
    out->txt = unpack_bytes(&u, IPC_KEYRECORD_MAX);
    if (!unpack_done(&u) || status > KEY_TRY_LATER || security > KEY_BOGUS)
        return false;
    out->status = (enum key_status)status;
    out->security = (enum key_security)security;
    return status == KEY_FOUND || out->txt.len == 0;
}
