#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "ask.h"
#include "base/clock.h"
#include "cmd.h"
#include "glance.h"

enum { INTERVAL_MS = 1000, INTERVAL_MIN_MS = 100, PLAIN_WIDTH = 200, KEY_ESCAPE = 27 };

static int run(int argc, char **argv);

const struct cmd cmd_top = {NULL, "top", run, "[--interval TIME] [--count N] [--json]",
                            "The running daemon, live: rates, times, tokens, faults; q ends it; --json: a line for each look"};

/* ---- the terminal ---- */

static struct termios before_us;
static bool in_screen;

static void leave_screen(void)
{
    static const char back[] = "\033[?25h\033[?1049l";
    if (!in_screen)
        return;
    in_screen = false;
    (void)!write(STDOUT_FILENO, back, sizeof back - 1);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before_us);
}

static void on_signal(int signal)
{
    leave_screen();
    _exit(128 + signal);
}

/* A screen of our own, where there is a terminal that can. A dumb one, a pipe and a file get one frame after the other. */
static void enter_screen(void)
{
    static const char ours[] = "\033[?1049h\033[?25l";
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || term == NULL || strcmp(term, "dumb") == 0 ||
        tcgetattr(STDIN_FILENO, &before_us) != 0)
        return;
    struct termios raw = before_us;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    in_screen = true;
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGHUP, on_signal);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    (void)!write(STDOUT_FILENO, ours, sizeof ours - 1);
}

static struct glance shape(double seconds)
{
    struct winsize w;
    struct glance g = {.width = PLAIN_WIDTH, .colour = cmd_colour(), .seconds = seconds};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) {
        g.width = w.ws_col;
        g.height = in_screen && w.ws_row > 1 ? w.ws_row - 1U : 0;
    }
    return g;
}

/* False when the reader wants no more. */
static bool wait_for_key(int64_t until_ms)
{
    char key;
    if (!in_screen) {
        (void)poll(NULL, 0, clock_left_ms(until_ms));
        return true;
    }
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&p, 1, clock_left_ms(until_ms)) > 0)
        if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == KEY_ESCAPE)
            return false;
    return true;
}

/* ---- frames ---- */

static void show(const struct buf *frame)
{
    struct buf out = BUF_INIT;
    if (in_screen) { /* over what is there, so that nothing flickers */
        buf_add_str(&out, "\033[H");
        for (size_t i = 0; i < frame->len; i++)
            if (frame->data[i] == '\n')
                buf_add_str(&out, "\033[K\r\n");
            else
                buf_add_u8(&out, frame->data[i]);
        buf_add_str(&out, "\033[J");
    } else {
        buf_add(&out, buf_bytes(frame));
        buf_add_str(&out, "\n");
    }
    (void)fwrite(out.data, 1, out.len, stdout);
    (void)fflush(stdout);
    buf_free(&out);
}

/* What there is now; NULL with a line in `why`. */
static json_t *fetch(const struct config *c, struct buf *why)
{
    struct buf body = BUF_INIT;
    json_t *now = NULL;
    if (ask(c, "/status.json", &body, why) == ZEGEL_OK && (now = json_loads(buf_cstr(&body), 0, NULL)) == NULL)
        buf_add_str(why, "zegel-status gave what is no JSON");
    buf_free(&body);
    return now;
}

/* A daemon that is away for a while (a restart) is said, and waited for. */
static void frame(const json_t *now, const json_t *before, double seconds, struct buf *why)
{
    struct buf out = BUF_INIT;
    struct glance g = shape(seconds);
    if (now != NULL)
        glance_print(now, before, &g, &out);
    else
        buf_addf(&out, "No answer: %.*s\n", (int)g.width - 11, buf_cstr(why));
    show(&out);
    buf_free(&out);
}

static void print_line(const json_t *now)
{
    (void)json_dumpf(now, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static int watch(const struct config *c, int64_t interval_ms, unsigned long count, bool json)
{
    json_t *before = NULL;
    struct buf why = BUF_INIT;
    int64_t before_us_ = 0;
    int code = CMD_DONE;
    for (unsigned long n = 0; count == 0 || n < count; n++) {
        int64_t begin = clock_monotonic_us();
        buf_clear(&why);
        json_t *now = fetch(c, &why);
        if (now == NULL && n == 0) {
            leave_screen();
            code = cmd_fail(&cmd_top, ZEGEL_ERR_CLOSED, buf_cstr(&why));
            break;
        }
        if (!json)
            frame(now, before, (double)(begin - before_us_) / 1e6, &why);
        else if (now != NULL)
            print_line(now);
        json_decref(before);
        before = now;
        before_us_ = begin;
        if (n + 1 != count && !wait_for_key(begin / 1000 + interval_ms))
            break;
    }
    json_decref(before);
    buf_free(&why);
    return code;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    char *end;
    int code;
    if (!cmd_options(argc, argv, &cmd_top, &o, &code))
        return code;
    int64_t interval_ms = o.interval == NULL ? INTERVAL_MS : config_duration_ms(o.interval);
    unsigned long count = o.count == NULL ? 0 : strtoul(o.count, &end, 10);
    if (interval_ms < INTERVAL_MIN_MS)
        return cmd_misuse(&cmd_top, "--interval: a time like 1s, at least 100ms");
    if (o.count != NULL && (count == 0 || *end != '\0'))
        return cmd_misuse(&cmd_top, "--count: a number");
    struct config *c = cmd_config(&cmd_top, &o, &code);
    if (c == NULL)
        return code;
    if (!o.json)
        enter_screen();
    code = watch(c, interval_ms, count, o.json);
    leave_screen();
    config_free(c);
    return code;
}
