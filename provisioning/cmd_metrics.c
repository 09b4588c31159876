#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "base/io.h"
#include "cmd.h"

static int run(int argc, char **argv);

const struct cmd cmd_metrics = {
    NULL, "metrics", run, "[--textfile FILE]",
    "The running daemon's figures for Prometheus: printed, or put into FILE for node-exporter's textfile collector"};

/* The collector never sees half of it: written beside, then renamed. */
static int replace(const char *path, struct bytes text, struct buf *why)
{
    struct buf fresh = BUF_INIT;
    buf_addf(&fresh, "%s.%d", path, (int)getpid()); /* the collector reads *.prom only */
    int fd = open(buf_cstr(&fresh), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && io_write(fd, text) && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
    ok = ok && rename(buf_cstr(&fresh), path) == 0;
    if (!ok)
        buf_addf(why, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    if (!ok && fd >= 0)
        (void)unlink(buf_cstr(&fresh));
    buf_free(&fresh);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    struct buf body = BUF_INIT, why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_metrics, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_metrics, &o, &code);
    if (c == NULL)
        return code;
    int err = ask(c, "/metrics", &body, &why);
    if (err == ZEGEL_OK && o.textfile != NULL)
        err = replace(o.textfile, buf_bytes(&body), &why);
    else if (err == ZEGEL_OK)
        (void)fwrite(body.data, 1, body.len, stdout);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_metrics, err, buf_cstr(&why));
    buf_free(&body);
    buf_free(&why);
    config_free(c);
    return code;
}
