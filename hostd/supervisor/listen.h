/* listen: the sockets of listen:, opened once and held for as long as zegeld runs, whatever becomes of the processes behind them.
 * They come from systemd (LISTEN_FDS: a socket unit, or those kept over a restart), from the zegeld before an upgrade, or are
 * opened here. */
#ifndef ZEGEL_SUPERVISOR_LISTEN_H
#define ZEGEL_SUPERVISOR_LISTEN_H

#include "config/config.h"

enum { LISTEN_MAX = 64 };

struct listener {
    char *name; /* as in listen: */
    int fd;
    bool made; /* by us, so that the file of a unix: socket is ours to remove */
    bool kept; /* by systemd, should we end */
};

struct listeners {
    struct listener all[LISTEN_MAX];
    unsigned count;
};

/* Take over what systemd has passed on; once, at start. */
void listen_from_systemd(struct listeners *l, const struct config *c);
/* Add one that is open already; `fd` is taken over. */
void listen_add(struct listeners *l, const char *name, int fd, bool made, bool kept);
/* Open what of listen: is not open yet. ZEGEL_OK, or ZEGEL_ERR_CONFIG (said in the log). */
int listen_open(struct listeners *l, const struct config *c);
/* Close what is not in listen: any more. */
void listen_prune(struct listeners *l, const struct config *c);
/* The socket of that name; -1. */
int listen_fd(const struct listeners *l, const char *name);
/* Is each kept by somebody while we are away? Then a connection waits instead of being refused. */
bool listen_all_kept(const struct listeners *l);
void listen_close(struct listeners *l);

#endif
