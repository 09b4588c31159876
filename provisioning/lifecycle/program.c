#include "lifecycle/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"

enum { WITHIN_MS = 60000, SAID_MAX = 400 };

/* Of root or of us; in a directory that others can write, the sticky bit keeps what is ours from them. */
static bool is_ours(const struct stat *st)
{
    bool others = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
    return (st->st_uid == 0 || st->st_uid == geteuid()) && (!others || (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0));
}

/* Whoever can write a directory above a file can put another file in its place. `path` becomes the directory that is wrong. */
static const char *check_above(char *path)
{
    struct stat st;
    for (char *slash; (slash = strrchr(path, '/')) != NULL;) {
        slash[slash == path] = '\0'; /* "/" itself stays */
        if (stat(path, &st) != 0)
            return strerror(errno);
        if (!is_ours(&st))
            return "must be a directory of root or of this user that nobody else can write: the program is in it";
        if (slash == path)
            break;
    }
    return NULL;
}

/* The way to it as it is written, and as it is when links are followed. */
static int check_file(const char *path, struct buf *why)
{
    struct stat st;
    char *real = realpath(path, NULL), *written = strdup(path);
    const char *problem = NULL, *where = path;
    if (real == NULL || written == NULL || stat(real, &st) != 0)
        problem = strerror(errno);
    else if (!S_ISREG(st.st_mode) || !is_ours(&st))
        problem = "must be a file of root or of this user that nobody else can write";
    else if ((problem = check_above(written)) != NULL)
        where = written;
    else if ((problem = check_above(real)) != NULL)
        where = real;
    if (problem != NULL)
        buf_addf(why, "%s: %s", where, problem);
    free(real);
    free(written);
    return problem == NULL ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

static void become(const char *const *argv, int input, int errors)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", *const environment[] = {path, NULL};
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);
    if (dup2(input, STDIN_FILENO) < 0 || dup2(errors, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
        _exit(126);
    (void)close_range(3, ~0U, 0); /* the token's module may have left descriptors open */
    (void)execve(argv[0], (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

/* Until it hangs up, or the time is over. */
static bool listen_to(int fd, int64_t deadline_ms, char said[SAID_MAX])
{
    char rest[512];
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int left = clock_left_ms(deadline_ms);
        if (left == 0)
            return false;
        if (poll(&p, 1, left) <= 0)
            continue;
        ssize_t n = read(fd, rest, sizeof rest);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n && len < SAID_MAX - 1; i++)
            said[len++] = rest[i];
    }
    said[len] = '\0';
    for (char *c = said; *c != '\0'; c++)
        *c = (char)(*c == '\n' ? '\0' : *c < ' ' || *c > '~' ? '?' : *c);
    return true;
}

static int end_of(pid_t pid, int64_t deadline_ms, bool closed, int *status)
{
    pid_t done = 0;
    while (closed && (done = waitpid(pid, status, WNOHANG)) == 0 && clock_left_ms(deadline_ms) > 0)
        (void)poll(NULL, 0, 20);
    (void)kill(-pid, SIGKILL); /* what it left behind as well */
    if (done == pid)
        return ZEGEL_OK;
    (void)waitpid(pid, status, 0);
    return ZEGEL_ERR_TIMEOUT;
}

static int judge(const char *program, int err, int status, const char *said, struct buf *why)
{
    if (err == ZEGEL_ERR_TIMEOUT) {
        buf_addf(why, "%s: had not ended after %d s", program, WITHIN_MS / 1000);
        return err;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ZEGEL_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && said[0] == '\0')
        buf_addf(why, "%s: cannot be run", program);
    else
        buf_addf(why, "%s: failed (%s %d)%s%s", program, WIFEXITED(status) ? "exit" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), said[0] == '\0' ? "" : ": ", said);
    return ZEGEL_ERR_REFUSED;
}

int program_run(const char *const *argv, struct bytes input, struct buf *why)
{
    int64_t deadline = clock_monotonic_ms() + WITHIN_MS;
    char said[SAID_MAX] = "";
    int errors[2] = {-1, -1}, status = 0, file = -1;
    int err = check_file(argv[0], why);
    if (err != ZEGEL_OK)
        return err;
    pid_t pid = -1;
    if ((file = io_memfd("record", input)) >= 0 && lseek(file, 0, SEEK_SET) == 0 && pipe2(errors, O_CLOEXEC) == 0)
        pid = fork();
    if (pid == 0)
        become(argv, file, errors[1]);
    if (errors[1] >= 0)
        (void)close(errors[1]);
    if (pid > 0) {
        (void)setpgid(pid, pid);
        bool closed = listen_to(errors[0], deadline, said);
        err = end_of(pid, deadline, closed, &status);
        err = judge(argv[0], err, status, said, why);
    } else {
        buf_addf(why, "%s: %s", argv[0], strerror(errno));
        err = ZEGEL_ERR_SYSTEM;
    }
    if (errors[0] >= 0)
        (void)close(errors[0]);
    if (file >= 0)
        (void)close(file);
    return err;
}
