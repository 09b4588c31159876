/* zegel-token: the process around one token; the only kind that loads vendor code and knows a PIN.
 *
 * Purpose: log in, find keys, make signatures for zegel-signer, with as many threads as the token has use for.
 * Security: disposable. It is killed when a call overruns the deadline, and started again; it is never waited for.
 * Diagnostics: standard error. Exits 0 when the supervisor is gone, 78 for what only a person can mend (no such module, PIN
 * refused), 70 for what a fresh process may mend. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "figures/figures.h"
#include "ipc/control.h"
#include "worker/worker.h"

enum { CONFIG_MAX = 256 * 1024 * 1024, PIN_MAX = 255 };

static bool take(struct worker *w, struct control *c)
{
    struct buf content = BUF_INIT, why = BUF_INIT;
    bool ok = true;
    if (c->kind == CONTROL_PING)
        return true;
    if (c->kind == CONTROL_PEER) {
        worker_set_peer(w, c->fd);
        return true;
    }
    if (c->kind == CONTROL_FIGURES)
        figures_take(c->fd);
    else if (c->kind == CONTROL_PIN && !buf_lock(&content)) {
        buf_add_str(&why, "no memory for the PIN that is never swapped out (mlock); raise LimitMEMLOCK");
        ok = false;
    } else if (io_read_fd(c->fd, "hand-over", c->kind == CONTROL_PIN ? PIN_MAX : CONFIG_MAX, &content, &why) != ZEGEL_OK)
        ok = false;
    else if (c->kind == CONTROL_PIN)
        worker_set_pin(w, buf_bytes(&content));
    else if (c->kind == CONTROL_CONFIG)
        ok = worker_set_config(w, buf_bytes(&content), &why) == ZEGEL_OK;
    else if (c->kind == CONTROL_PREVIOUS)
        ok = worker_set_previous(w, buf_bytes(&content), &why) == ZEGEL_OK;
    if (!ok)
        log_error("%s", buf_cstr(&why));
    (void)close(c->fd);
    buf_free(&content);
    buf_free(&why);
    return ok;
}

int main(int argc, char **argv)
{
    log_open("zegel-token", LOG_LEVEL_INFO);
    if (argc != 2) {
        log_error("started by zegeld only, with the name of one token");
        return EX_USAGE;
    }
    struct worker *w = worker_new(argv[1]);
    bool started = false;
    while (w != NULL) {
        struct control c;
        int err = control_recv(CONTROL_FD, &c);
        if (err == ZEGEL_ERR_CLOSED)
            worker_exit(w, EX_OK);
        if (err != ZEGEL_OK)
            continue;
        bool config = c.kind == CONTROL_CONFIG;
        if (!take(w, &c) && !started)
            worker_exit(w, EX_CONFIG);
        if (config && !started) {
            int status = worker_start(w);
            if (status != EX_OK)
                worker_exit(w, status);
            started = true;
        }
        if (started)
            (void)control_answer(&c);
    }
    return EX_OSERR;
}
