/* listener: libmilter on a socket that zegeld has opened, and the end of a process that takes no more connections.
 *
 * libmilter (8.17) can only open a socket of its own, and its smfi_stop() neither lets go of the socket at once nor waits for
 * the connections it has. So this program answers the calls with which it would open one, accept on it, and close a connection:
 * socket, bind, listen, accept and close, found in the program before libc's, do here what they always do, but for that one
 * socket. */
#ifndef ZEGEL_MILTER_LISTENER_H
#define ZEGEL_MILTER_LISTENER_H

#include <stdbool.h>

enum { LISTENER_FDS_MAX = 65536 }; /* a connection with a higher descriptor is served, but not counted */

/* The listening socket from zegeld, not blocking; taken over. Before libmilter opens one. */
void listener_set(int fd);
bool listener_is_set(void);
/* What to tell smfi_setconn: a socket of the same family; the rest of it does not matter. */
const char *listener_conn(void);
/* From now on no connection is accepted: those in the queue are the next process's. Once the last of ours is closed, this process
 * ends. */
void listener_drain(void);

#endif
