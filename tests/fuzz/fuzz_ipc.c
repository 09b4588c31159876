#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "ipc/control.h"
#include "ipc/milter_resolver.h"
#include "ipc/signer_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What zegeld and its children say to each other comes with its packet, and perhaps a descriptor: over a socket. */
static void control(struct bytes packet)
{
    static int pair[2] = {-1, -1};
    struct control c;
    if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        __builtin_trap();
    if (packet.len == 0 || send(pair[0], packet.data, packet.len, 0) != (ssize_t)packet.len)
        return;
    bool ok = control_recv(pair[1], &c) == ZEGEL_OK;
    if (c.fd >= 0 || (ok && memchr(c.name, '\0', sizeof c.name) == NULL))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sign_request a;
    struct sign_reply b;
    struct token_request c;
    struct token_reply d;
    struct key_request e;
    struct key_reply f;
    (void)sign_request_unpack(bytes_of(data, size), &a);
    (void)sign_reply_unpack(bytes_of(data, size), &b);
    (void)token_request_unpack(bytes_of(data, size), &c);
    (void)token_reply_unpack(bytes_of(data, size), &d);
    (void)key_request_unpack(bytes_of(data, size), &e);
    (void)key_reply_unpack(bytes_of(data, size), &f);
    control(bytes_of(data, size));
    return 0;
}
