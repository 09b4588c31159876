/* zegel-milter: reads untrusted mail.
 *
 * Purpose: speak the milter protocol to one MTA socket, canonicalise, hash the body, ask zegel-signer for signatures.
 * Security: no token, no PIN, no configuration file, no DNS. Everything it asks is checked again by zegel-signer.
 * Diagnostics: one line per message on standard error; exits 0 on SIGTERM, 78 when the socket cannot be opened. */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "dkim/digest.h"
#include "ipc/control.h"
#include "milter/client.h"
#include "milter/session.h"
#include "sandbox/sandbox.h"

enum { CONFIG_MAX = 256 * 1024 * 1024 };

static gid_t socket_group = (gid_t)-1; /* -1: leave it */

static bool sandboxed, landlock_optional;

static bool find_group(const struct config *c)
{
    struct group *g = c->socket_group == NULL ? NULL : getgrnam(c->socket_group);
    if (c->socket_group != NULL && g == NULL)
        log_error("socket-group: %s: no such group", c->socket_group);
    socket_group = g == NULL ? (gid_t)-1 : g->gr_gid;
    landlock_optional = c->landlock_optional;
    return c->socket_group == NULL || g != NULL;
}

static bool take_config(int fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    bool ok = io_read_fd(fd, "configuration", CONFIG_MAX, &yaml, &why) == ZEGEL_OK &&
              config_parse("configuration", buf_bytes(&yaml), &c, &why) == ZEGEL_OK;
    if (!ok)
        log_error("%s", buf_cstr(&why));
    ok = ok && (sandboxed || find_group(c)); /* groups live in files, which are out of reach by then */
    if (ok)
        session_set_config(c);
    else
        config_free(c);
    buf_free(&yaml);
    buf_free(&why);
    return ok;
}

/* False when the supervisor is gone. */
static bool take_control(bool *has_config)
{
    struct control c;
    int err = control_recv(CONTROL_FD, &c);
    if (err == ZEGEL_ERR_CLOSED)
        return false;
    if (err != ZEGEL_OK) {
        log_error("strange message from the supervisor; ignored");
        return true;
    }
    if (c.kind == CONTROL_PEER) {
        client_set_peer(c.fd);
        return true;
    }
    if (c.kind == CONTROL_PING)
        return true; /* every message is answered by READY */
    if (c.kind == CONTROL_CONFIG && take_config(c.fd))
        *has_config = true;
    (void)close(c.fd);
    return true;
}

static void *follow_supervisor(void *arg)
{
    bool has_config = true;
    (void)arg;
    while (take_control(&has_config))
        if (control_send(CONTROL_FD, CONTROL_READY, "milter", -1) != ZEGEL_OK)
            break;
    (void)smfi_stop();
    return NULL;
}

/* From here on: the connections of the MTA, the two sockets we have, threads and memory. */
static bool enter_sandbox(void)
{
    struct sandbox s = {.profile = SANDBOX_MILTER, .landlock_optional = landlock_optional};
    struct buf why = BUF_INIT;
    uint8_t hash[DKIM_HASH_LEN];
    (void)digest_sha256(BYTES_LIT(""), hash); /* libcrypto reads its configuration now or never */
    sandboxed = sandbox_apply(&s, &why) == ZEGEL_OK;
    if (!sandboxed)
        log_error("%s", buf_cstr(&why));
    buf_free(&why);
    return sandboxed;
}

/* libmilter removes a socket file that is in the way, even one somebody listens on. */
static bool somebody_listens(const char *conn)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strncmp(conn, "unix:", 5) != 0 || strlen(conn + 5) >= sizeof a.sun_path)
        return false;
    memcpy(a.sun_path, conn + 5, strlen(conn + 5) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        (void)close(fd);
    return yes;
}

/* libmilter answers a message in several small writes; with Nagle each would wait for the MTA's delayed ACK, 40 ms. It does
 * not say which descriptor it listens on, but accepted sockets inherit the option from that one. */
static void answer_at_once(void)
{
    for (int fd = CONTROL_FD + 1; fd < 64; fd++) {
        int listens = 0, one = 1;
        socklen_t len = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* a Unix socket refuses, and needs it not */
    }
}

int main(int argc, char **argv)
{
    log_open("zegel-milter", getenv("ZEGEL_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    if (argc != 2) {
        log_error("started by zegeld only, with one socket to listen on");
        return EX_USAGE;
    }
    bool has_config = false;
    pthread_t thread;
    /* A connection's memory goes to the next one instead of back to the kernel, which would have to clear it each time. */
    (void)mallopt(M_MMAP_THRESHOLD, 8 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
    (void)umask(0117);              /* the socket: owner and group */
    if (!take_control(&has_config)) /* the configuration is what comes first */
        return EX_OK;
    if (!has_config)
        return EX_CONFIG;
    if (somebody_listens(argv[1])) {
        log_error("listen: %s: socket in use by another process; stop that one or choose another path", argv[1]);
        return EX_CONFIG;
    }
    (void)smfi_settimeout(7210);
    (void)smfi_setbacklog(1024);
    if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(session_milter) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS) {
        log_error("listen: %s: cannot be opened: in use, not there, or not permitted", argv[1]);
        return EX_CONFIG;
    }
    if (strncmp(argv[1], "unix:", 5) == 0 && socket_group != (gid_t)-1 && chown(argv[1] + 5, (uid_t)-1, socket_group) != 0) {
        log_error("listen: %s: cannot be given to socket-group: %s", argv[1], strerror(errno));
        return EX_CONFIG;
    }
    answer_at_once();
    if (!enter_sandbox())
        return EX_CONFIG;
    if (client_start() != ZEGEL_OK || control_send(CONTROL_FD, CONTROL_READY, "milter", -1) != ZEGEL_OK ||
        pthread_create(&thread, NULL, follow_supervisor, NULL) != 0)
        return EX_OSERR;
    int result = smfi_main();
    return result == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
