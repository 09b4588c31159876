#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/logsocket.h"
#include "ipc/control.h"

enum { SHORT_LIFE_MS = 2000, PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 1000, FATAL_FAILURES = 3 };

const char *child_program(const struct child *c)
{
    static const char *const names[] = {"zegel-signer",   "zegel-token",  "zegel-milter",
                                        "zegel-resolver", "zegel-milter", "zegel-status"};
    return names[c->kind];
}

void child_name(const struct child *c, char out[CONTROL_NAME_MAX + 1])
{
    if (c->kind == CHILD_TOKEN)
        (void)snprintf(out, CONTROL_NAME_MAX + 1, "%s/%u", c->argument, c->worker);
    else
        (void)snprintf(out, CONTROL_NAME_MAX + 1, "%s", c->argument == NULL ? "" : c->argument);
}

bool child_is_spare(const struct child *c)
{
    return c->kind == CHILD_TOKEN || c->kind == CHILD_RESOLVER || c->kind == CHILD_STATUS;
}

bool child_is_milter(const struct child *c)
{
    return c->kind == CHILD_MILTER || c->kind == CHILD_INBOUND;
}

/* In the child, between fork and exec: only async-signal-safe calls, and getpwnam, which is fine in a process with one thread. */
static void become(const char *user)
{
    struct passwd *pw = user == NULL || geteuid() != 0 ? NULL : getpwnam(user);
    if (user == NULL || geteuid() != 0)
        return;
    if (pw == NULL || initgroups(pw->pw_name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
        _exit(EX_NOUSER);
}

static _Noreturn void run(const struct child *c, const char *path, int control, const char *user, pid_t parent)
{
    char *argv[] = {(char *)(uintptr_t)child_program(c), c->argument, NULL};
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (control != CONTROL_FD && dup2(control, CONTROL_FD) < 0)
        _exit(EX_OSERR);
    (void)fcntl(CONTROL_FD, F_SETFD, 0);
    bool logs = logsocket_fd() >= 0 && dup2(logsocket_fd(), LOG_FD) == LOG_FD;
    (void)close_range(logs ? LOG_FD + 1U : CONTROL_FD + 1U, ~0U, 0);
    become(user);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* no child outlives us */
    if (getppid() != parent)
        _exit(EX_OK);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    execv(path, argv);
    log_error("%s: cannot be run as user %s: %s", path, user == NULL ? "that started zegeld" : user, strerror(errno));
    _exit(EX_UNAVAILABLE);
}

int child_start(struct child *c, const char *libexec, const char *user)
{
    char path[4096];
    int fds[2];
    if (snprintf(path, sizeof path, "%s/%s", libexec, child_program(c)) >= (int)sizeof path)
        return ZEGEL_ERR_SYSTEM;
    if (io_pair(fds) != ZEGEL_OK) {
        log_error("%s: socketpair: %s", child_program(c), strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run(c, path, fds[1], user, parent);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        log_error("%s: fork: %s", child_program(c), strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    c->pid = pid;
    c->control = fds[0];
    c->ready = false;
    c->started_ms = c->heard_ms = clock_monotonic_ms();
    return ZEGEL_OK;
}

void child_hang_up(struct child *c)
{
    if (c->control >= 0)
        (void)close(c->control);
    c->control = -1;
}

void child_ended(struct child *c, int status)
{
    int64_t now = clock_monotonic_ms();
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    child_hang_up(c);
    c->pid = 0;
    if (c->old)
        return;
    /* One that was ready is missed: back at once, or nearly so if it dies all the time. One that never got there waits longer
     * each time. */
    c->failures = c->ready ? 0 : c->failures + 1;
    /* What only a person can mend is there the third time too; a want of memory, which may look like it, seldom is. */
    c->fatal = !c->was_ready && c->failures >= FATAL_FAILURES && WIFEXITED(status) &&
               (code == EX_CONFIG || code == EX_USAGE || code == EX_NOUSER || code == EX_UNAVAILABLE);
    int64_t pause = now - c->started_ms < SHORT_LIFE_MS ? PAUSE_FIRST_MS : 0;
    for (unsigned i = 0; i < c->failures && pause < PAUSE_MAX_MS; i++)
        pause = pause == 0 ? PAUSE_FIRST_MS : pause * 2;
    c->ready = false;
    c->start_again_ms = now + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
    if (WIFSIGNALED(status))
        log_warn("%s ended by signal %d (%s); starting it again in %lld ms", child_program(c), WTERMSIG(status),
                 strsignal(WTERMSIG(status)), (long long)(c->start_again_ms - now));
    else
        log_warn("%s ended with status %d%s", child_program(c), code, c->fatal ? "; not started again" : "; starting it again");
}
