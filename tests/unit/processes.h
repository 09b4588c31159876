/* processes: our daemon's processes, started and handed what they need as zegeld does, by a test that plays all the others. */
#ifndef ZEGEL_UNIT_PROCESSES_H
#define ZEGEL_UNIT_PROCESSES_H

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "ipc/control.h"

enum { ANSWER_WITHIN_MS = 20000 };

static char build[PATH_MAX];

/* Where the programs are: this one is BUILD/tests/NAME. */
static void processes_find(const char *self)
{
    const char *slash = self == NULL ? NULL : strrchr(self, '/');
    char path[PATH_MAX];
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(path, sizeof path, "%.*s/..", slash == NULL ? 1 : (int)(slash - self), slash == NULL ? "." : self);
    if (realpath(path, build) == NULL)
        exit(EXIT_FAILURE);
}

static pid_t spawn(const char *program, const char *argument, int *control)
{
    char path[PATH_MAX + 64];
    char *argv[] = {path, (char *)(uintptr_t)argument, NULL};
    int fds[2];
    (void)snprintf(path, sizeof path, "%s/%s", build, program);
    ck_assert_int_eq(io_pair(fds), ZEGEL_OK);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], CONTROL_FD);
        (void)fcntl(CONTROL_FD, F_SETFD, 0);
        (void)close_range(CONTROL_FD + 1, ~0U, 0);
        execv(path, argv);
        _exit(127);
    }
    (void)close(fds[1]);
    *control = fds[0];
    return pid;
}

static void hand_over(int control, enum control_kind kind, const char *name, int fd)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(control_send(control, kind, name, fd), ZEGEL_OK);
    (void)close(fd);
}

static void wait_ready(int control)
{
    struct control c;
    struct pollfd p = {.fd = control, .events = POLLIN};
    ck_assert_int_gt(poll(&p, 1, ANSWER_WITHIN_MS), 0);
    ck_assert_int_eq(control_recv(control, &c), ZEGEL_OK);
    ck_assert_int_eq(c.kind, CONTROL_READY);
}

static bool is_running(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == 0;
}

static void put(int fd, struct bytes packet)
{
    ck_assert_int_eq(io_send_wait(fd, packet, -1, clock_monotonic_ms() + ANSWER_WITHIN_MS), ZEGEL_OK);
}

#endif
