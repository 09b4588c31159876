/* zegel-milter: reads untrusted mail.
 *
 * Purpose: speak the milter protocol to one MTA socket, canonicalise, hash the body, ask zegel-signer for signatures. With
 * verify: yes instead: verify what comes in, with keys that zegel-resolver finds.
 * Security: no token, no PIN, no configuration file, no DNS. Everything it asks is checked again by zegel-signer.
 * Diagnostics: one line per message on standard error; exits 0 when told to end, 78 when it was not given what it needs. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "dkim/digest.h"
#include "figures/figures.h"
#include "ipc/control.h"
#include "milter/current.h"
#include "milter/inbound.h"
#include "milter/keylookup.h"
#include "milter/listener.h"
#include "milter/session.h"
#include "milter/signing.h"
#include "milter/stream.h"
#include "sandbox/sandbox.h"

enum { CONFIG_MAX = 256 * 1024 * 1024, SERVES_WITHIN_MS = 5000 };

static bool sandboxed, landlock_optional;

static const char *own_listen;
static bool verifies; /* inbound mail, rather than to sign; a reload cannot change that */

static bool take_config(int fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    bool ok = io_read_fd(fd, "configuration", CONFIG_MAX, &yaml, &why) == ZEGEL_OK &&
              config_parse("configuration", buf_bytes(&yaml), &c, &why) == ZEGEL_OK;
    if (!ok)
        log_error("%s", buf_cstr(&why));
    if (ok)
        landlock_optional = c->landlock_optional;
    if (ok && !sandboxed)
        verifies = config_verifies(c, own_listen);
    if (ok)
        ok = current_set(c);
    else
        config_free(c);
    buf_free(&yaml);
    buf_free(&why);
    return ok;
}

/* A milter that verifies talks to the resolver and to nobody else; one that signs, to the signer. */
static void set_peer(const struct control *c)
{
    if (strcmp(c->name, verifies ? "resolver" : "signer") != 0)
        (void)close(c->fd);
    else if (verifies)
        keylookup_set_peer(c->fd);
    else
        signing_set_peer(c->fd);
}

/* False when the supervisor is gone, or its first configuration is of no use. */
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
    if (c.kind == CONTROL_PEER)
        set_peer(&c);
    else if (c.kind == CONTROL_LISTEN && !listener_is_set())
        listener_set(c.fd);
    else if (c.fd >= 0) {
        if (c.kind == CONTROL_CONFIG && take_config(c.fd))
            *has_config = true;
        if (c.kind == CONTROL_FIGURES && !sandboxed)
            figures_take(c.fd);
        (void)close(c.fd);
    }
    if (c.kind == CONTROL_DRAIN)
        listener_drain();
    if (!sandboxed) /* not ready yet: that is said once all is set up */
        return c.kind != CONTROL_CONFIG || *has_config;
    return control_answer(&c) == ZEGEL_OK;
}

/* Once libmilter serves. Where it does not begin to, another process may. */
static void say_ready(void)
{
    for (int64_t deadline_ms = clock_monotonic_ms() + SERVES_WITHIN_MS; !stream_is_served();) {
        if (clock_left_ms(deadline_ms) == 0) {
            log_error("libmilter does not begin to serve; ending this process, a fresh one takes over");
            _exit(EX_OSERR);
        }
        (void)poll(NULL, 0, 1);
    }
    if (control_send(CONTROL_FD, CONTROL_READY, "milter", -1) != ZEGEL_OK)
        _exit(EX_OSERR);
}

static void *follow_supervisor(void *arg)
{
    bool has_config = true;
    (void)arg;
    say_ready();
    while (take_control(&has_config))
        ;
    _exit(EX_OK); /* smfi_stop() would wait for the lock that the listening thread holds in poll() */
}

/* From here on: the connections of the MTA, the two sockets we have, threads and memory. */
static bool enter_sandbox(void)
{
    struct sandbox s = {.profile = SANDBOX_MILTER, .landlock_optional = landlock_optional};
    struct buf why = BUF_INIT;
    sandboxed = sandbox_apply(&s, &why) == ZEGEL_OK;
    if (!sandboxed)
        log_error("%s", buf_cstr(&why));
    buf_free(&why);
    return sandboxed;
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
    own_listen = argv[1];
    while (!has_config) /* what comes first: the socket, the configuration */
        if (!take_control(&has_config))
            return EX_CONFIG;
    (void)smfi_settimeout(7210);
    if (!listener_is_set()) {
        log_error("listen: %s: was not given the socket", argv[1]);
        return EX_CONFIG;
    }
    if (smfi_setconn((char *)(uintptr_t)listener_conn()) != MI_SUCCESS ||
        smfi_register(verifies ? inbound_milter : session_milter) != MI_SUCCESS || smfi_opensocket(0) != MI_SUCCESS) {
        log_error("listen: %s: libmilter does not take the socket; ending this process, a fresh one takes over", argv[1]);
        return EX_OSERR;
    }
    if (!digest_set_up()) {
        log_error("libcrypto does not hash or verify; ending this process, a fresh one takes over");
        return EX_OSERR;
    }
    if (!enter_sandbox())
        return EX_CONFIG;
    if ((verifies ? inbound_start(argv[1]) : session_start(argv[1])) != ZEGEL_OK ||
        pthread_create(&thread, NULL, follow_supervisor, NULL) != 0)
        return EX_OSERR;
    int result = smfi_main();
    return result == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
