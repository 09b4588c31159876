#include "base/logsocket.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum { FD_LEAST = 16 }; /* out of the way of what children get */

static int log_socket = -1;

void logsocket_open(const char *where)
{
    char to[LOG_WHERE_MAX];
    int fd = log_resolve(where, to) && to[0] != '\0' ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    if (log_socket >= 0)
        (void)close(log_socket);
    log_socket = fcntl(fd, F_DUPFD_CLOEXEC, FD_LEAST);
    (void)close(fd);
    if (log_socket < 0)
        return;
    (void)setenv("ZEGEL_LOG", to, 1);
    log_through(log_socket, to);
}

int logsocket_fd(void)
{
    return log_socket;
}
