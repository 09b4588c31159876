/* zegel-signer: decides what may be signed.
 *
 * Purpose: re-parse each canonical header block, ask the token's worker, verify what it made, write the audit record, answer.
 * Security: no mail bodies, no vendor code, no PIN; trusts neither the milter process nor the token.
 * Diagnostics: refusals and faults on standard error; exits 0 when the supervisor is gone, 78 when the audit log cannot be
 * opened. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "dkim/digest.h"
#include "figures/figures.h"
#include "ipc/control.h"
#include "sandbox/sandbox.h"
#include "signer/signer.h"

enum { CONFIG_MAX = 256 * 1024 * 1024 };

static struct config *read_config(int fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    if (io_read_fd(fd, "configuration", CONFIG_MAX, &yaml, &why) != ZEGEL_OK ||
        config_parse("configuration", buf_bytes(&yaml), &c, &why) != ZEGEL_OK)
        log_error("%s", buf_cstr(&why));
    buf_free(&yaml);
    buf_free(&why);
    return c;
}

static struct signer *start(const struct config *c)
{
    struct buf why = BUF_INIT, dir = BUF_INIT;
    struct audit *audit = NULL;
    struct signer *s = NULL;
    buf_addf(&dir, "%s/audit", c->state);
    struct audit_config cfg = {
        .dir = buf_cstr(&dir), .origin = c->audit.origin, .segment_max = c->audit.segment_max, .keep = c->audit.keep_max};
    struct sandbox sandbox = {
        .profile = SANDBOX_SIGNER, .landlock_optional = c->landlock_optional, .write = {cfg.dir}, .write_count = 1};
    if (sandbox_apply(&sandbox, &why) == ZEGEL_OK && audit_open(&cfg, &audit, &why) == ZEGEL_OK)
        s = signer_new(audit, c->audit.origin);
    else
        log_error("%s", buf_cstr(&why));
    if (c->audit.key == NULL)
        log_warn("audit log: no audit.key, so no signed checkpoints: whoever can write the files can rewrite them");
    buf_free(&why);
    buf_free(&dir);
    return s;
}

/* ---- a reload: a hundred thousand domains take a second to read, and signing does not wait for it ---- */

struct reload {
    pthread_t thread;
    bool under_way;
    int done[2]; /* a pipe: an octet when it is read */
    struct control asked;
    struct config *config;
};

static void *read_aside(void *arg)
{
    struct reload *r = arg;
    r->config = read_config(r->asked.fd);
    (void)!write(r->done[1], "", 1);
    return NULL;
}

static void reload_finish(struct reload *r, struct signer *s)
{
    char octet;
    if (!r->under_way || pthread_join(r->thread, NULL) != 0)
        return;
    (void)!read(r->done[0], &octet, 1);
    r->under_way = false;
    (void)close(r->asked.fd);
    if (r->config != NULL)
        signer_set_config(s, r->config);
    (void)control_answer(&r->asked);
}

static void reload_start(struct reload *r, struct signer *s, const struct control *c)
{
    reload_finish(r, s); /* one after the other */
    r->asked = *c;
    r->under_way = pthread_create(&r->thread, NULL, read_aside, r) == 0;
    if (!r->under_way) {
        log_error("configuration: no thread to read it with; the old one stays");
        (void)close(c->fd);
        (void)control_answer(c);
    }
}

int main(void)
{
    struct signer *s = NULL;
    struct reload reload = {.done = {-1, -1}};
    log_open("zegel-signer", LOG_LEVEL_INFO);
    if (pipe2(reload.done, O_CLOEXEC | O_NONBLOCK) != 0)
        return EX_OSERR;
    for (;;) {
        struct control c;
        if (s != NULL && signer_run(s, CONTROL_FD, reload.done[0]) == reload.done[0]) {
            reload_finish(&reload, s);
            continue;
        }
        int err = control_recv(CONTROL_FD, &c);
        if (err == ZEGEL_ERR_CLOSED) {
            signer_stop(s);
            return EX_OK;
        }
        if (err != ZEGEL_OK)
            continue;
        if (c.kind == CONTROL_CONFIG && s != NULL) {
            reload_start(&reload, s, &c);
            continue; /* answered when it is in force */
        }
        if (c.kind == CONTROL_CONFIG) {
            if (!digest_set_up()) {
                log_error("libcrypto does not hash or verify; ending this process, a fresh one takes over");
                return EX_OSERR;
            }
            struct config *config = read_config(c.fd);
            if (config == NULL || (s = start(config)) == NULL)
                return EX_CONFIG;
            signer_set_config(s, config);
            (void)close(c.fd);
        } else if (c.kind == CONTROL_PREVIOUS && s != NULL) {
            signer_set_previous(s, read_config(c.fd));
            (void)close(c.fd);
        } else if (c.kind == CONTROL_PEER && s != NULL) {
            if (strchr(c.name, ':') != NULL) /* a listen:; no token's name has a colon */
                signer_add_milter(s, c.name, c.fd);
            else
                signer_add_worker(s, c.name, c.fd);
        } else if (c.fd >= 0) {
            if (c.kind == CONTROL_FIGURES && s == NULL)
                figures_take(c.fd);
            (void)close(c.fd);
        }
        if (s != NULL)
            (void)control_answer(&c);
    }
}
