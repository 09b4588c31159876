#include "front/talk.h"

#include <arpa/inet.h>
#include <libmilter/mfdef.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

enum {
    VERSION = 6,
    ACTIONS = 0x01 | 0x10, /* SMFIF_ADDHDRS, SMFIF_CHGHDRS: in mfapi.h, whose library we do not want */
    /* What we leave out, and wait for no answer to: an answer to a piece of the body would be taken for the verdict. */
    NEEDED = SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NR_HDR | SMFIP_NR_BODY | SMFIP_HDR_LEADSPC,
    OFFERED = NEEDED | SMFIP_NOUNKNOWN,
};

/* ---- packets: length of what follows (32 bits, network order), command, data ---- */

static bool send_all(const struct talk *t, struct bytes data)
{
    return io_send_all(t->fd, data, t->deadline_ms) == ZEGEL_OK;
}

static bool receive_all(const struct talk *t, void *data, size_t len)
{
    return io_recv_all(t->fd, data, len, t->deadline_ms) == ZEGEL_OK;
}

bool talk_send(struct talk *t, char command, struct bytes data)
{
    uint8_t head[5];
    uint32_t len = htonl((uint32_t)data.len + 1);
    memcpy(head, &len, sizeof len);
    head[4] = (uint8_t)command;
    return data.len <= TALK_DATA_MAX && send_all(t, bytes_of(head, sizeof head)) && send_all(t, data);
}

bool talk_receive(struct talk *t, char *command, struct bytes *data)
{
    uint32_t len;
    do {
        if (!receive_all(t, &len, sizeof len))
            return false;
        len = ntohl(len);
        if (len == 0 || len > sizeof t->in || !receive_all(t, t->in, len))
            return false;
    } while (t->in[0] == SMFIR_PROGRESS);
    *command = (char)t->in[0];
    *data = bytes_of(t->in + 1, len - 1);
    return true;
}

/* ---- the beginning ---- */

static uid_t zegel_uid; /* 0 where there is none: root is trusted anyway */

void talk_know_zegel(void)
{
    const struct passwd *zegel = getpwnam("zegel");
    zegel_uid = zegel == NULL ? 0 : zegel->pw_uid;
}

static bool is_trusted(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid() || peer.uid == zegel_uid);
}

static bool agree(struct talk *t)
{
    uint32_t offer[3] = {htonl(VERSION), htonl(ACTIONS), htonl(OFFERED)}, chosen[3];
    char command;
    struct bytes data;
    if (!talk_send(t, SMFIC_OPTNEG, bytes_of(offer, sizeof offer)) || !talk_receive(t, &command, &data) ||
        command != SMFIC_OPTNEG || data.len < sizeof chosen)
        return false;
    memcpy(chosen, data.data, sizeof chosen);
    uint32_t actions = ntohl(chosen[1]), steps = ntohl(chosen[2]);
    return (actions & ~(uint32_t)ACTIONS) == 0 && (steps & ~(uint32_t)OFFERED) == 0 && (steps & NEEDED) == NEEDED;
}

bool talk_open(struct talk *t, const char *path, int64_t deadline_ms, const char **why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    t->deadline_ms = deadline_ms;
    *why = "the socket of zegel-milter cannot be connected to";
    if (snprintf(a.sun_path, sizeof a.sun_path, "%s", path) >= (int)sizeof a.sun_path ||
        (t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        return false;
    if (connect(t->fd, (const struct sockaddr *)&a, sizeof a) == 0) {
        *why = "whoever listens on the socket is neither root nor user zegel";
        if (is_trusted(t->fd)) {
            *why = "what listens on the socket is no zegel-milter";
            if (agree(t))
                return true;
        }
    }
    (void)close(t->fd);
    return false;
}

void talk_close(struct talk *t)
{
    (void)talk_send(t, SMFIC_QUIT, bytes_of(NULL, 0));
    (void)close(t->fd);
}
