/* stream: what libmilter reads from the MTA, fetched in few system calls.
 *
 * libmilter (8.17) asks the kernel four times for each packet: poll and read of its five octets of length and command, poll and
 * read of the rest; a message of ten header fields is some sixty calls. As in listener.h, this program answers read and poll
 * itself, before libc does: small reads of a connection take from what the last one fetched, and a connection of which something
 * is left is ready. For every other descriptor both are the system's. */
#ifndef ZEGEL_MILTER_STREAM_H
#define ZEGEL_MILTER_STREAM_H

#include <stdbool.h>

/* `fd` is a connection of an MTA from now on, until stream_close. It is read by one thread at a time (libmilter sees to that). */
void stream_open(int fd);
/* The listening socket, which is no connection. Before libmilter runs. */
void stream_listener(int fd);
/* libmilter's controller has begun to wait for what connections say. Without it (no memory for its list, and it ends in silence)
 * they are accepted, and then nobody reads them. */
bool stream_is_served(void);
/* Forgets what is left of it. Before the descriptor is closed; for one that is no connection: nothing. */
void stream_close(int fd);

#endif
