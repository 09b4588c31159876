#include "ipc/control.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "ipc/pack.h"

enum { CONTROL_MAGIC = 0x5a470021, CONTROL_SEND_MS = 5000 };

int control_send(int socket, enum control_kind kind, const char *name, int fd)
{
    uint8_t room[CONTROL_NAME_MAX + 16];
    struct packer p = {.data = room, .cap = sizeof room};
    pack_u32(&p, CONTROL_MAGIC);
    pack_u32(&p, (uint32_t)kind);
    pack_bytes(&p, bytes_str(name));
    if (p.overflow)
        return ZEGEL_ERR_TOO_BIG;
    return io_send_wait(socket, bytes_of(p.data, p.len), fd, clock_monotonic_ms() + CONTROL_SEND_MS);
}

int control_answer(const struct control *c)
{
    return control_send(CONTROL_FD, c->kind == CONTROL_PING ? CONTROL_PONG : CONTROL_READY, c->name, -1);
}

int control_recv(int socket, struct control *out)
{
    uint8_t room[CONTROL_NAME_MAX + 16];
    size_t len = 0;
    *out = (struct control){.fd = -1};
    int err = io_recv(socket, room, sizeof room, &len, &out->fd);
    if (err != ZEGEL_OK)
        return err;
    struct unpacker u = {.in = bytes_of(room, len)};
    bool magic = unpack_u32(&u) == CONTROL_MAGIC;
    uint32_t kind = unpack_u32(&u);
    struct bytes name = unpack_bytes(&u, CONTROL_NAME_MAX);
    bool wants_fd = kind <= CONTROL_LISTEN || kind == CONTROL_FIGURES;
    if (!magic || !unpack_done(&u) || kind < CONTROL_CONFIG || kind > CONTROL_FIGURES || wants_fd != (out->fd >= 0)) {
        if (out->fd >= 0)
            (void)close(out->fd);
        out->fd = -1;
        return ZEGEL_ERR_FORMAT;
    }
    out->kind = (enum control_kind)kind;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    return ZEGEL_OK;
}
