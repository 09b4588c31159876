/* zegel-resolver: asks DNS.
 *
 * Purpose: look up the key records of signatures that zegel-milter verifies, validated with DNSSEC (libunbound).
 * Security: the only process of the daemon with DNS in it. Sees names of keys, no mail, no key, no PIN; can reach the network
 * and the few files that libunbound reads, nothing else.
 * Diagnostics: standard error; exits 0 when the supervisor is gone, 78 when dns.resolver cannot be used. */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "config/config.h"
#include "ipc/control.h"
#include "resolver/context.h"
#include "resolver/resolver.h"
#include "sandbox/sandbox.h"

enum { CONFIG_MAX = 256 * 1024 * 1024 };

/* libunbound reads its files with the first question, and the root hints once more when its thread starts. */
static bool enter_sandbox(struct ub_ctx *ctx, const struct config *c, struct buf *why)
{
    struct ub_result *ignored = NULL;
    char *hints = NULL;
    int err = ub_resolve(ctx, "localhost.", 1, 1, &ignored); /* answered without network */
    ub_resolve_free(ignored);
    if (err != 0) {
        buf_addf(why, "%s: %s", c->dns.resolver == NULL ? CONTEXT_ROOT_ANCHOR : c->dns.resolver, ub_strerror(err));
        return false;
    }
    struct sandbox s = {.profile = SANDBOX_RESOLVER,
                        .landlock_optional = c->landlock_optional,
                        .read = {"/etc/resolv.conf", CONTEXT_ROOT_ANCHOR, "/dev/urandom", "/dev/random"},
                        .read_count = 4};
    if (c->dns.resolver != NULL)
        s.read[s.read_count++] = c->dns.resolver;
    if (ub_ctx_get_option(ctx, "root-hints", &hints) == 0 && hints != NULL && hints[0] == '/')
        s.read[s.read_count++] = hints;
    bool ok = sandbox_apply(&s, why) == ZEGEL_OK;
    free(hints);
    return ok;
}

static struct resolver *start(int config_fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    struct resolver *r = NULL;
    struct ub_ctx *ctx = NULL;
    if (io_read_fd(config_fd, "configuration", CONFIG_MAX, &yaml, &why) == ZEGEL_OK &&
        config_parse("configuration", buf_bytes(&yaml), &c, &why) == ZEGEL_OK)
        ctx = context_open(c->dns.resolver, &why);
    if (ctx != NULL && enter_sandbox(ctx, c, &why))
        r = resolver_new(ctx);
    if (r == NULL)
        log_error("%s", why.len == 0 ? "out of memory" : buf_cstr(&why));
    config_free(c);
    buf_free(&yaml);
    buf_free(&why);
    return r;
}

int main(void)
{
    struct resolver *r = NULL;
    log_open("zegel-resolver", LOG_LEVEL_INFO);
    for (;;) {
        struct control c;
        int err = control_recv(CONTROL_FD, &c);
        if (err == ZEGEL_ERR_CLOSED)
            return EX_OK;
        if (err != ZEGEL_OK)
            continue;
        if (c.kind == CONTROL_CONFIG && r == NULL && (r = start(c.fd)) == NULL)
            return EX_CONFIG;
        if (c.kind == CONTROL_PEER && r != NULL)
            resolver_add_peer(r, c.fd);
        else if (c.fd >= 0)
            (void)close(c.fd); /* a configuration that comes later changes nothing here: dns: needs a restart */
        if (r != NULL) {
            (void)control_answer(&c);
            resolver_run(r, CONTROL_FD);
        }
    }
}
