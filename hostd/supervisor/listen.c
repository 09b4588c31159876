#include "supervisor/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

enum { BACKLOG = 1024 };

static const char *unix_path(const char *name)
{
    return strncmp(name, "unix:", 5) == 0 ? name + 5 : NULL;
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strnlen(path, sizeof a.sun_path - 1)); /* the configuration has bounded it */
    return a;
}

/* inet:PORT@HOST, inet6:PORT@HOST, or without @HOST. NULL: said in the log. The caller frees it. */
static struct addrinfo *inet_address(const char *name)
{
    char port[16] = "";
    bool six = strncmp(name, "inet6:", 6) == 0;
    const char *at = name + (six ? 6 : 5), *host = strchr(at, '@');
    struct addrinfo hints = {.ai_family = six ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *found = NULL;
    (void)snprintf(port, sizeof port, "%.*s", host == NULL ? 15 : (int)(host - at), at);
    int err = getaddrinfo(host == NULL ? NULL : host + 1, port, &hints, &found);
    if (err != 0)
        log_error("listen: %s: %s", name, gai_strerror(err));
    return err == 0 ? found : NULL;
}

/* All that are to be open: those for MTAs, and those of zegel-status. NULL: no more. */
static const char *socket_name(const struct config *c, unsigned i)
{
    if (i < c->listen_count)
        return c->listen[i];
    i -= c->listen_count;
    return i < c->status.listen_count ? c->status.listen[i] : NULL;
}

/* ---- opened here ---- */

static bool somebody_listens(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN);
    if (fd >= 0)
        (void)close(fd);
    return yes;
}

/* Made for its owner alone, and then given to the group that may connect. */
static bool open_to_group(const char *path, const char *group)
{
    struct group *g = group == NULL ? NULL : getgrnam(group);
    if (group != NULL && g == NULL) {
        log_error("socket-group: %s: no such group", group);
        return false;
    }
    if (g != NULL && lchown(path, (uid_t)-1, g->gr_gid) != 0) {
        log_error("listen: unix:%s: cannot be given to socket-group: %s", path, strerror(errno));
        return false;
    }
    return chmod(path, 0660) == 0;
}

static int open_unix(const char *path, const char *group)
{
    struct sockaddr_un a = unix_address(path);
    struct stat st;
    if (somebody_listens(&a)) {
        log_error("listen: unix:%s: socket in use by another process; stop that one or choose another path", path);
        return -1;
    }
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path); /* left over: nobody listens on it */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    (void)umask(before);
    if (!bound)
        log_error("listen: unix:%s: %s", path, strerror(errno));
    if (bound && open_to_group(path, group) && listen(fd, BACKLOG) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* libmilter answers a message in several small writes; with Nagle each would wait for the MTA's delayed ACK, 40 ms. Accepted
 * sockets inherit the option. */
static int open_inet(const char *name)
{
    struct addrinfo *a = inet_address(name);
    int one = 1;
    if (a == NULL)
        return -1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
              listen(fd, BACKLOG) == 0;
    if (!ok)
        log_error("listen: %s: cannot be opened: %s", name, strerror(errno));
    freeaddrinfo(a);
    if (ok || fd < 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* ---- from systemd ---- */

static bool is_socket_of(int fd, const char *name)
{
    const char *path = unix_path(name);
    if (path != NULL)
        return sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0;
    struct addrinfo *a = inet_address(name);
    bool same = a != NULL && sd_is_socket_sockaddr(fd, SOCK_STREAM, a->ai_addr, (unsigned)a->ai_addrlen, 1) > 0;
    if (a != NULL)
        freeaddrinfo(a);
    return same;
}

void listen_from_systemd(struct listeners *l, const struct config *c)
{
    int count = sd_listen_fds(1), one = 1;
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++) {
        unsigned i = 0;
        const char *name;
        while ((name = socket_name(c, i)) != NULL && !(listen_fd(l, name) < 0 && is_socket_of(fd, name)))
            i++;
        if (name == NULL) {
            log_warn("systemd passed on a socket that is none of listen: or status.listen: (or one twice); it is closed");
            (void)close(fd);
            continue;
        }
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);   /* a Unix socket refuses, and needs it not */
        int ours = fcntl(fd, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START + count); /* out of the way of what children get */
        (void)close(fd);
        listen_add(l, name, ours, false, true);
    }
}

/* ---- the set ---- */

void listen_add(struct listeners *l, const char *name, int fd, bool made, bool kept)
{
    char *copy = l->count == LISTEN_MAX || fd < 0 ? NULL : strdup(name);
    if (copy != NULL)
        l->all[l->count++] = (struct listener){.name = copy, .fd = fd, .made = made, .kept = kept};
    else if (fd >= 0)
        (void)close(fd);
}

int listen_fd(const struct listeners *l, const char *name)
{
    for (unsigned i = 0; i < l->count; i++)
        if (strcmp(l->all[i].name, name) == 0)
            return l->all[i].fd;
    return -1;
}

bool listen_all_kept(const struct listeners *l)
{
    bool all = true;
    for (unsigned i = 0; i < l->count; i++)
        all = all && l->all[i].kept;
    return all;
}

/* Only the file that stands for this very socket. */
static void close_one(const struct listener *l)
{
    const char *path = unix_path(l->name);
    if (l->made && !l->kept && path != NULL)
        (void)unlink(path);
    (void)close(l->fd);
    free(l->name);
}

static bool wanted(const struct config *c, const char *name)
{
    const char *one;
    for (unsigned i = 0; (one = socket_name(c, i)) != NULL; i++)
        if (strcmp(one, name) == 0)
            return true;
    return false;
}

/* systemd keeps it for the next zegeld, where the unit has FileDescriptorStoreMax=; $FDSTORE says so (systemd.exec(5), or the
 * unit). */
static void keep(struct listener *l)
{
    l->kept = getenv("FDSTORE") != NULL && sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=listen", &l->fd, 1) > 0;
}

int listen_open(struct listeners *l, const struct config *c)
{
    const char *name;
    for (unsigned i = 0; (name = socket_name(c, i)) != NULL; i++) {
        const char *path = unix_path(name);
        if (listen_fd(l, name) >= 0)
            continue;
        int fd = path != NULL ? open_unix(path, i < c->listen_count ? c->socket_group : NULL) : open_inet(name);
        if (fd < 0)
            return ZEGEL_ERR_CONFIG;
        listen_add(l, name, fd, true, false);
        if (listen_fd(l, name) < 0)
            return ZEGEL_ERR_NOMEM;
        keep(&l->all[l->count - 1]);
    }
    return ZEGEL_OK;
}

void listen_prune(struct listeners *l, const struct config *c)
{
    for (unsigned i = l->count; i-- > 0;)
        if (!wanted(c, l->all[i].name)) {
            close_one(&l->all[i]);
            l->all[i] = l->all[--l->count];
        }
}

void listen_close(struct listeners *l)
{
    while (l->count > 0)
        close_one(&l->all[--l->count]);
}
