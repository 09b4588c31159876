/* io: packets between our processes over SOCK_SEQPACKET, with an optional descriptor; octets of a stream; files read and written
 * whole. */
#ifndef ZEGEL_IO_H
#define ZEGEL_IO_H

#include "base/buf.h"

enum { IO_PACKET_MAX = 80 * 1024 }; /* octets of one packet: a header block and its envelope */

/* A connected pair, close-on-exec, with room for a few of the largest packets. ZEGEL_OK or ZEGEL_ERR_SYSTEM. */
int io_pair(int fds[2]);
/* Send one packet without waiting; `pass` < 0: no descriptor. ZEGEL_OK, ZEGEL_ERR_BUSY (try after POLLOUT),
 * ZEGEL_ERR_CLOSED. */
int io_send(int fd, struct bytes packet, int pass);
/* Send, waiting until `deadline_ms` (monotonic) for room. */
int io_send_wait(int fd, struct bytes packet, int pass, int64_t deadline_ms);
/* Receive one packet; blocks if the socket does. *len is its length, *passed a descriptor or -1.
 * ZEGEL_OK, ZEGEL_ERR_BUSY (nothing there), ZEGEL_ERR_CLOSED, ZEGEL_ERR_TOO_BIG (dropped). */
int io_recv(int fd, void *packet, size_t cap, size_t *len, int *passed);
/* The same, but never blocks, and takes no descriptor. */
int io_recv_now(int fd, void *packet, size_t cap, size_t *len);
/* On a stream: every octet of `data`, or `len` octets into `data`, until `deadline_ms` (monotonic). ZEGEL_OK, ZEGEL_ERR_TIMEOUT,
 * ZEGEL_ERR_CLOSED (the peer has gone, or any other error). */
int io_send_all(int fd, struct bytes data, int64_t deadline_ms);
int io_recv_all(int fd, void *data, size_t len, int64_t deadline_ms);
/* ZEGEL_OK as soon as `events` (POLLIN, POLLOUT) or an error is there; ZEGEL_ERR_TIMEOUT. */
int io_wait(int fd, short events, int64_t deadline_ms);
/* The content of a regular file of at most `max` octets; ZEGEL_ERR_SYSTEM and a line in `why`. */
int io_read_file(const char *path, size_t max, struct buf *content, struct buf *why);
/* The same of an open descriptor, from its beginning; a pipe to its end. */
int io_read_fd(int fd, const char *name, size_t max, struct buf *content, struct buf *why);
/* All of it, however often write has to be called; false, with errno, when it takes no more. */
bool io_write(int fd, struct bytes content);
/* Makes `path` a regular file with this content and these permissions: durable, and at no moment half of it. What is there may be
 * a regular file only: no symbolic link is followed or replaced, nor a device. ZEGEL_OK or ZEGEL_ERR_SYSTEM with a line in `why`.
 */
int io_replace_file(const char *path, unsigned mode, struct bytes content, struct buf *why);
/* A file that was not there, durable, that only its owner can read; never over another one, nor through a link. Half of it does
 * not stay. ZEGEL_OK or ZEGEL_ERR_SYSTEM with a line in `why`. */
int io_write_new(const char *path, struct bytes content, struct buf *why);
/* A sealed memory file with this content, or -1. */
int io_memfd(const char *name, struct bytes content);
/* The end to read of a pipe with this content, at most 4,096 octets, or -1. For a secret: what the kernel holds in a pipe is
 * never swapped out, and gone once it was read. */
int io_pipe_with(struct bytes content);

#endif
