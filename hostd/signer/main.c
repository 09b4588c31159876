/* zegel-signer: decides what may be signed.
 *
 * Purpose: re-parse each canonical header block, ask the token's worker, verify what it made, write the audit record, answer.
 * Security: no mail bodies, no vendor code, no PIN; trusts neither the milter process nor the token.
 * Diagnostics: refusals and faults on standard error; exits 0 when the supervisor is gone, 78 when the audit log cannot be
 * opened. */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "dkim/digest.h"
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
    struct buf why = BUF_INIT;
    struct audit *audit = NULL;
    struct signer *s = NULL;
    struct sandbox sandbox = {.profile = SANDBOX_SIGNER, .landlock_optional = c->landlock_optional};
    uint8_t hash[DKIM_HASH_LEN];
    if (audit_open(c->state, &audit, &why) != ZEGEL_OK)
        log_error("%s", buf_cstr(&why));
    else if (digest_sha256(BYTES_LIT(""), hash) && sandbox_apply(&sandbox, &why) == ZEGEL_OK) /* libcrypto is warm by then */
        s = signer_new(audit);
    else
        log_error("%s", buf_cstr(&why));
    buf_free(&why);
    return s;
}

int main(void)
{
    struct signer *s = NULL;
    log_open("zegel-signer", LOG_LEVEL_INFO);
    for (;;) {
        struct control c;
        int err = control_recv(CONTROL_FD, &c);
        if (err == ZEGEL_ERR_CLOSED)
            return EX_OK;
        if (err != ZEGEL_OK)
            continue;
        if (c.kind == CONTROL_CONFIG) {
            struct config *config = read_config(c.fd);
            if (config != NULL && s == NULL && (s = start(config)) == NULL)
                return EX_CONFIG;
            if (config != NULL)
                signer_set_config(s, config);
            (void)close(c.fd);
        } else if (c.kind == CONTROL_PEER && s != NULL) {
            if (strcmp(c.name, "milter") == 0)
                signer_add_milter(s, c.fd);
            else
                signer_add_token(s, c.name, c.fd);
        } else if (c.fd >= 0) {
            (void)close(c.fd);
        }
        if (s != NULL) {
            (void)control_send(CONTROL_FD, CONTROL_READY, "signer", -1);
            signer_run(s, CONTROL_FD);
        }
    }
}
