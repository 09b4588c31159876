/* control: what the supervisor hands its children over descriptor CONTROL_FD: configuration, PIN, the ends of sockets to
 * their peers. Each with one descriptor attached. */
#ifndef ZEGEL_IPC_CONTROL_H
#define ZEGEL_IPC_CONTROL_H

#include <stdint.h>

enum { CONTROL_FD = 3, CONTROL_NAME_MAX = 127 };

/* Numbers stay what they are: after an upgrade a new zegeld talks to the processes of the old one. */
enum control_kind {
    CONTROL_CONFIG = 1, /* down: a sealed memory file with the YAML; again on reload. `name`: which one */
    CONTROL_PIN,        /* down: a pipe with the PIN in it */
    CONTROL_PEER,       /* down: one end of a SOCK_SEQPACKET pair to the process `name` */
    CONTROL_PREVIOUS,   /* down, to signer and tokens, after CONFIG: the one before; what began with it may still be asked for */
    CONTROL_LISTEN,     /* down, to a milter, before the configuration: the listening socket */
    CONTROL_DRAIN,      /* down, to a milter: accept nothing more, end with the last connection; no descriptor */
    CONTROL_PING,       /* down: answer PONG if you live; no descriptor */
    CONTROL_NEED_PIN,   /* up, from a token's worker: the PIN again, for one more login; no descriptor */
    CONTROL_PONG,       /* up; no descriptor */
    CONTROL_READY,      /* up: done, and serving; `name` of what was taken; no descriptor */
    CONTROL_FIGURES,    /* down: a page of figures/figures.h; to zegel-status all of them, `name` whose it is, for reading */
};

struct control {
    enum control_kind kind;
    char name[CONTROL_NAME_MAX + 1]; /* PEER: "signer"; to it: TOKEN/WORKER, or the front end's listen:, which has a colon */
    int fd;                          /* the receiver's to close; -1: none */
};

/* ZEGEL_OK, ZEGEL_ERR_CLOSED, ZEGEL_ERR_TIMEOUT. The sender keeps its descriptor. */
int control_send(int socket, enum control_kind kind, const char *name, int fd);
/* To our zegeld: what it sent, of this kind and name, is done. */
int control_answer(const struct control *c);
/* Blocks. ZEGEL_OK, ZEGEL_ERR_CLOSED, ZEGEL_ERR_FORMAT. */
int control_recv(int socket, struct control *out);

#endif
