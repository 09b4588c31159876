/* http: the book over HTTP, on sockets of this machine. GET and HEAD of a handful of fixed names; nothing is taken in. One
 * thread: the caller waits for the descriptors, and has it served. */
#ifndef ZEGEL_STATUS_HTTP_H
#define ZEGEL_STATUS_HTTP_H

#include <sys/select.h>

#include "status/book.h"

struct http;

/* Serve on the listening socket `fd` (taken over); `loopback`: it is TCP, where browsers come, so that Host: must name this
 * machine (DNS rebinding). NULL when that fails. */
struct http *http_new(const struct book *b, int fd, bool loopback);
/* Add its descriptors to what select(2) is to wait for; at most *timeout_ms. */
void http_wait(struct http *h, fd_set *read, fd_set *write, int *most, int64_t *timeout_ms);
/* After select(2). */
void http_serve(struct http *h, const fd_set *read, const fd_set *write);

#endif
