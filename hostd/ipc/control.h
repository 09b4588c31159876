/* control: what the supervisor hands its children over descriptor CONTROL_FD: configuration, PIN, the ends of sockets to
 * their peers. Each with one descriptor attached. */
#ifndef ZEGEL_IPC_CONTROL_H
#define ZEGEL_IPC_CONTROL_H

#include <stdint.h>

enum { CONTROL_FD = 3, CONTROL_NAME_MAX = 127 };

enum control_kind {
    CONTROL_CONFIG = 1, /* down: a sealed memory file with the YAML; again on reload */
    CONTROL_PIN,        /* down: a sealed memory file with the PIN */
    CONTROL_PEER,       /* down: one end of a SOCK_SEQPACKET pair to the process `name` */
    CONTROL_PING,       /* down: answer READY if you live; no descriptor */
    CONTROL_NEED_PIN,   /* up, from a token's worker: the PIN again, for one more login; no descriptor */
    CONTROL_READY,      /* up: configuration taken, peers served; no descriptor */
};

struct control {
    enum control_kind kind;
    char name[CONTROL_NAME_MAX + 1]; /* PEER: "signer", the token's name, or the front end's listen:, which has a colon */
    int fd;                          /* the receiver's to close; -1: none */
};

/* ZEGEL_OK, ZEGEL_ERR_CLOSED, ZEGEL_ERR_TIMEOUT. The sender keeps its descriptor. */
int control_send(int socket, enum control_kind kind, const char *name, int fd);
/* Blocks. ZEGEL_OK, ZEGEL_ERR_CLOSED, ZEGEL_ERR_FORMAT. */
int control_recv(int socket, struct control *out);

#endif
