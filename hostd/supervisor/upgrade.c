#include "supervisor/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

enum { CHECK_WITHIN_MS = 60000, LEFT_MAX = 1024 * 1024 };

static const char variable[] = "ZEGEL_UPGRADE";

/* ---- the old program ---- */

/* Is the new program content with the configuration? It runs as a child of ours, with nothing to break. */
static bool new_one_is_content(const struct supervisor *s)
{
    char *argv[] = {(char *)(uintptr_t)s->self, (char *)(uintptr_t) "--check", (char *)(uintptr_t) "--config",
                    (char *)(uintptr_t)s->config_path, NULL};
    int64_t deadline = clock_monotonic_ms() + CHECK_WITHIN_MS;
    int status = -1;
    pid_t pid = fork(), ended = 0;
    if (pid == 0) {
        execv(s->self, argv);
        _exit(127);
    }
    while (pid > 0 && (ended = waitpid(pid, &status, WNOHANG)) == 0 && clock_left_ms(deadline) > 0) {
        (void)poll(NULL, 0, 5);
        (void)sd_notify(0, "WATCHDOG=1");
    }
    if (pid > 0 && ended == 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void keep_open(int fd, bool yes)
{
    (void)fcntl(fd, F_SETFD, yes ? 0 : FD_CLOEXEC);
}

/* What is left to the new program is open over exec, and nothing else. */
static void keep_all_open(const struct supervisor *s, bool yes)
{
    keep_open(s->config_fd, yes);
    for (unsigned i = 0; i < s->listeners.count; i++)
        keep_open(s->listeners.all[i].fd, yes);
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].control >= 0)
            keep_open(s->children[i].control, yes);
    for (unsigned i = 0; i < s->pages.count; i++)
        keep_open(s->pages.all[i].fd, yes);
}

/* One line each, the name last. A later version that knows more lines skips, or is skipped. */
static void describe(const struct supervisor *s, struct buf *out)
{
    buf_addf(out, "zegeld %d\nconfig %d\n", (int)getpid(), s->config_fd);
    for (unsigned i = 0; i < s->listeners.count; i++) {
        const struct listener *l = &s->listeners.all[i];
        buf_addf(out, "listen %d %d %d %s\n", l->fd, l->made, l->kept, l->name);
    }
    for (unsigned i = 0; i < s->pages.count; i++)
        buf_addf(out, "page %d %s\n", s->pages.all[i].fd, s->pages.all[i].name);
    for (unsigned i = 0; i < s->count; i++) {
        const struct child *c = &s->children[i];
        if (c->pid != 0)
            buf_addf(out, "child %d %d %d %lld %s\n", (int)c->kind, (int)c->pid, c->control, (long long)c->end_by_ms,
                     c->argument == NULL ? "-" : c->argument);
    }
}

void upgrade_begin(struct supervisor *s)
{
    struct buf left = BUF_INIT;
    char number[16];
    if (!new_one_is_content(s)) {
        log_error("upgrade: %s --check finds fault with the configuration, or cannot be run; all stays as it is", s->self);
        return;
    }
    log_info("upgrade: becoming %s", s->self);
    (void)sd_notify(0, "RELOADING=1");
    describe(s, &left);
    int fd = left.failed ? -1 : io_memfd("zegel-upgrade", buf_bytes(&left));
    (void)snprintf(number, sizeof number, "%d", fd);
    if (fd >= 0 && setenv(variable, number, 1) == 0) {
        keep_open(fd, true);
        keep_all_open(s, true);
        execv(s->self, s->argv);
        keep_all_open(s, false);
    }
    log_error("upgrade: %s: %s; all stays as it is", s->self, strerror(errno));
    (void)unsetenv(variable);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&left);
    (void)sd_notify(0, "READY=1");
}

/* ---- the new program ---- */

static void take_child(struct supervisor *s, int kind, int pid, int control, long long end_by_ms, const char *argument)
{
    struct child *room = reallocarray(s->children, s->count + 1, sizeof *room);
    char *copy = strdup(argument);
    if (room == NULL || copy == NULL)
        abort(); /* at start, before anything depends on us */
    s->children = room;
    s->children[s->count++] = (struct child){.kind = (enum child_kind)kind,
                                             .argument = copy,
                                             .pid = pid,
                                             .control = control,
                                             .old = true,
                                             .ready = true,
                                             .was_ready = true,
                                             .heard_ms = clock_monotonic_ms(),
                                             .end_by_ms = end_by_ms};
}

static void take_line(struct supervisor *s, const char *line)
{
    int fd, a, b, at = 0;
    long long end_by_ms;
    if (sscanf(line, "config %d", &fd) == 1)
        s->previous_fd = fd;
    else if (sscanf(line, "listen %d %d %d %n", &fd, &a, &b, &at) == 3 && at > 0)
        listen_add(&s->listeners, line + at, fd, a != 0, b != 0);
    else if (sscanf(line, "page %d %n", &fd, &at) == 1 && at > 0)
        pages_take(&s->pages, line + at, fd);
    else if (sscanf(line, "child %d %d %d %lld %n", &a, &b, &fd, &end_by_ms, &at) == 4 && at > 0 && a >= CHILD_SIGNER &&
             a <= CHILD_STATUS)
        take_child(s, a, b, fd, end_by_ms, line + at);
}

/* The variable alone proves nothing: what it names must be a sealed memory file that this very process has written. */
static bool is_ours(int fd, struct buf *left)
{
    struct buf why = BUF_INIT;
    int pid = 0;
    bool ok = fcntl(fd, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) &&
              io_read_fd(fd, "upgrade", LEFT_MAX, left, &why) == ZEGEL_OK && sscanf(buf_cstr(left), "zegeld %d\n", &pid) == 1 &&
              pid == (int)getpid();
    buf_free(&why);
    return ok;
}

bool upgrade_take(struct supervisor *s)
{
    const char *number = getenv(variable);
    struct buf left = BUF_INIT;
    char *rest = NULL;
    int fd = number == NULL ? -1 : atoi(number);
    bool ok = fd > STDERR_FILENO && is_ours(fd, &left);
    (void)unsetenv(variable);
    if (ok) {
        (void)buf_cstr(&left); /* ends it with NUL */
        for (char *line = strtok_r((char *)left.data, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
            take_line(s, line);
        (void)close(fd);
        keep_all_open(s, false);
        if (s->previous_fd >= 0)
            keep_open(s->previous_fd, false);
    }
    buf_free(&left);
    return ok;
}
