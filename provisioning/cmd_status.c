#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cmd.h"
#include "glance.h"

enum { WIDTH = 200 };

static int run(int argc, char **argv);

const struct cmd cmd_status = {NULL, "status", run, "[--json]",
                               "The running daemon: messages, tokens, audit log, domains, faults; 1 when there is a fault"};

static int print(const char *json, struct buf *why)
{
    json_error_t bad;
    json_t *now = json_loads(json, 0, &bad);
    struct buf out = BUF_INIT;
    struct glance g = {.width = WIDTH, .colour = cmd_colour()};
    if (now == NULL) {
        buf_addf(why, "zegel-status gave what is no JSON: %s", bad.text);
        return cmd_fail(&cmd_status, ZEGEL_ERR_FORMAT, buf_cstr(why));
    }
    int code = glance_faulty(now) ? CMD_NO : CMD_DONE;
    glance_print(now, NULL, &g, &out);
    (void)fputs(buf_cstr(&out), stdout);
    json_decref(now);
    buf_free(&out);
    return code;
}

/* As it came; the exit code says the same as without --json. */
static int print_json(const char *json)
{
    json_t *now = json_loads(json, 0, NULL);
    int code = now == NULL ? CMD_FAULT : glance_faulty(now) ? CMD_NO : CMD_DONE;
    (void)fputs(json, stdout);
    json_decref(now);
    return code;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    struct buf body = BUF_INIT, why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_status, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_status, &o, &code);
    if (c == NULL)
        return code;
    int err = ask(c, "/status.json", &body, &why);
    if (err != ZEGEL_OK)
        code = cmd_fail(&cmd_status, err, buf_cstr(&why));
    else
        code = o.json ? print_json(buf_cstr(&body)) : print(buf_cstr(&body), &why);
    buf_free(&body);
    buf_free(&why);
    config_free(c);
    return code;
}
