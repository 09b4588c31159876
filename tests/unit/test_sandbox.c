/* Each profile, tried from inside: what must be stopped is stopped, what is needed still works. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "front/confine.h"
#include "front/spool.h"
#include "sandbox/sandbox.h"
#include "unit.h"

static char readable[] = "/tmp/zegel-sandbox-XXXXXX";

enum { DONE = 0, REFUSED = 1, FAILED_TO_APPLY = 99 };

static bool apply(enum sandbox_profile profile)
{
    struct sandbox s = {.profile = profile, .read = {readable, "/usr"}, .read_count = 2};
    struct buf why = BUF_INIT;
    if (profile == SANDBOX_FRONT)
        return confine("/usr");
    bool ok = sandbox_apply(&s, &why) == ZEGEL_OK;
    if (!ok)
        (void)fprintf(stderr, "%s\n", buf_cstr(&why));
    return ok;
}

/* What came of `act` in a child under the profile: its exit status, or -signal. */
static int under(enum sandbox_profile profile, int (*act)(void))
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(apply(profile) ? act() : FAILED_TO_APPLY);
    int status = 0;
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int result(long r)
{
    return r >= 0 ? DONE : REFUSED;
}

static int open_passwd(void)
{
    return result(open("/etc/passwd", O_RDONLY));
}

static int open_readable(void)
{
    return result(open(readable, O_RDONLY | O_DIRECTORY));
}

static int make_file(void)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/x", readable);
    return result(open(path, O_WRONLY | O_CREAT, 0600));
}

static int spool(void)
{
    char text[8] = "";
    FILE *f = spool_open();
    bool ok = f != NULL && fputs("mail", f) >= 0 && fseek(f, 0, SEEK_SET) == 0 && fgets(text, sizeof text, f) != NULL;
    return ok && strcmp(text, "mail") == 0 && fclose(f) == 0 ? DONE : REFUSED;
}

static int internet(void)
{
    return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int local_socket(void)
{
    return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int netlink(void)
{
    return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int new_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result(pid);
}

static int run_program(void)
{
    char *argv[] = {(char *)(uintptr_t) "true", NULL};
    return result(execv("/usr/bin/true", argv));
}

static int trace(void)
{
    return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? REFUSED : DONE;
}

static int kill_parent(void)
{
    return result(kill(getppid(), 0));
}

static int set_user(void)
{
    return result(setuid(0));
}

static int bpf(void)
{
    return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int io_uring(void)
{
    return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int mount_something(void)
{
    return result(syscall(SYS_mount, "none", readable, "tmpfs", 0, NULL));
}

static void *nothing(void *arg)
{
    return arg;
}

static int thread(void)
{
    pthread_t t;
    return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0 ? DONE : REFUSED;
}

static int allocate(void)
{
    char *p = malloc(10000000);
    if (p == NULL)
        return REFUSED;
    memset(p, 1, 10000000);
    free(p);
    return DONE;
}

static int dumpable(void)
{
    char status[64] = "";
    int fd = open("/proc/self/status", O_RDONLY); /* out of reach, one way or the other */
    (void)status;
    return result(fd);
}

static void expect(const char *name, int got, int want)
{
    ck_assert_msg(got == want, "%s: %d, not %d", name, got, want);
}

START_TEST(our_own_processes)
{
    static const enum sandbox_profile ours[] = {SANDBOX_MILTER, SANDBOX_SIGNER};
    for (int i = 0; i < 2; i++) {
        expect("thread", under(ours[i], thread), DONE);
        expect("memory", under(ours[i], allocate), DONE);
        expect("open /etc/passwd", under(ours[i], open_passwd), REFUSED);
        /* the signer reads its audit log; the milter process reads nothing, whatever the rules say */
        expect("open what may be read", under(ours[i], open_readable), ours[i] == SANDBOX_SIGNER ? DONE : REFUSED);
        expect("socket AF_INET", under(ours[i], internet), REFUSED);
        expect("socket AF_UNIX", under(ours[i], local_socket), REFUSED);
        expect("fork", under(ours[i], new_process), -SIGSYS);
        expect("exec", under(ours[i], run_program), -SIGSYS);
        expect("ptrace", under(ours[i], trace), -SIGSYS);
        expect("PROT_EXEC", under(ours[i], executable_memory), -SIGSYS);
        expect("kill", under(ours[i], kill_parent), -SIGSYS);
        expect("setuid", under(ours[i], set_user), -SIGSYS);
        expect("bpf", under(ours[i], bpf), -SIGSYS);
        expect("io_uring", under(ours[i], io_uring), -SIGSYS);
        expect("mount", under(ours[i], mount_something), -SIGSYS);
        expect("/proc/self", under(ours[i], dumpable), REFUSED);
    }
}
END_TEST

START_TEST(vendor_code)
{
    static const enum sandbox_profile theirs[] = {SANDBOX_TOKEN_LOCAL, SANDBOX_TOKEN_PCSC, SANDBOX_TOKEN_NETWORK};
    for (int i = 0; i < 3; i++) {
        expect("thread", under(theirs[i], thread), DONE);
        expect("memory", under(theirs[i], allocate), DONE);
        expect("open what may be read", under(theirs[i], open_readable), DONE);
        expect("open /etc/passwd", under(theirs[i], open_passwd), REFUSED);
        expect("make a file", under(theirs[i], make_file), REFUSED);
        expect("socket AF_UNIX", under(theirs[i], local_socket), i >= 1 ? DONE : REFUSED);
        expect("socket AF_INET", under(theirs[i], internet), i == 2 ? DONE : REFUSED);
        expect("socket AF_NETLINK", under(theirs[i], netlink), REFUSED);
        expect("fork", under(theirs[i], new_process), REFUSED);
        expect("exec", under(theirs[i], run_program), REFUSED);
        expect("ptrace", under(theirs[i], trace), REFUSED);
        expect("kill", under(theirs[i], kill_parent), REFUSED);
        expect("setuid", under(theirs[i], set_user), REFUSED);
        expect("bpf", under(theirs[i], bpf), REFUSED);
        expect("io_uring", under(theirs[i], io_uring), REFUSED);
        expect("mount", under(theirs[i], mount_something), REFUSED);
    }
}
END_TEST

START_TEST(front_ends)
{
    expect("thread", under(SANDBOX_FRONT, thread), DONE);
    expect("memory", under(SANDBOX_FRONT, allocate), DONE);
    expect("spool a message", under(SANDBOX_FRONT, spool), DONE);
    expect("open /etc/passwd", under(SANDBOX_FRONT, open_passwd), REFUSED);
    expect("socket AF_UNIX", under(SANDBOX_FRONT, local_socket), DONE);
    expect("socket AF_INET", under(SANDBOX_FRONT, internet), -SIGSYS);
    expect("socket AF_NETLINK", under(SANDBOX_FRONT, netlink), -SIGSYS);
    expect("fork", under(SANDBOX_FRONT, new_process), -SIGSYS);
    expect("exec", under(SANDBOX_FRONT, run_program), -SIGSYS);
    expect("ptrace", under(SANDBOX_FRONT, trace), -SIGSYS);
    expect("PROT_EXEC", under(SANDBOX_FRONT, executable_memory), -SIGSYS);
    expect("kill", under(SANDBOX_FRONT, kill_parent), -SIGSYS);
    expect("setuid", under(SANDBOX_FRONT, set_user), -SIGSYS);
    expect("io_uring", under(SANDBOX_FRONT, io_uring), -SIGSYS);
    expect("/proc/self", under(SANDBOX_FRONT, dumpable), REFUSED);
}
END_TEST

START_TEST(resolver)
{
    expect("thread", under(SANDBOX_RESOLVER, thread), DONE);
    expect("memory", under(SANDBOX_RESOLVER, allocate), DONE);
    expect("open what may be read", under(SANDBOX_RESOLVER, open_readable), DONE);
    expect("open /etc/passwd", under(SANDBOX_RESOLVER, open_passwd), REFUSED);
    expect("make a file", under(SANDBOX_RESOLVER, make_file), REFUSED);
    expect("socket AF_INET", under(SANDBOX_RESOLVER, internet), DONE);
    expect("socket AF_UNIX", under(SANDBOX_RESOLVER, local_socket), REFUSED);
    expect("socket AF_NETLINK", under(SANDBOX_RESOLVER, netlink), REFUSED);
    expect("fork", under(SANDBOX_RESOLVER, new_process), REFUSED);
    expect("exec", under(SANDBOX_RESOLVER, run_program), REFUSED);
    expect("PROT_EXEC", under(SANDBOX_RESOLVER, executable_memory), REFUSED);
    expect("kill", under(SANDBOX_RESOLVER, kill_parent), REFUSED);
    expect("setuid", under(SANDBOX_RESOLVER, set_user), REFUSED);
    expect("io_uring", under(SANDBOX_RESOLVER, io_uring), REFUSED);
}
END_TEST

int main(void)
{
#ifdef ZEGEL_SANITIZED /* there is no sandbox in these builds: sanitizers need what it forbids */
    (void)our_own_processes;
    (void)front_ends;
    (void)vendor_code;
    (void)resolver;
    return 0;
#else
    const TTest *const tests[] = {our_own_processes, front_ends, vendor_code, resolver};
    if (mkdtemp(readable) == NULL || setenv("TMPDIR", readable, 1) != 0)
        return EXIT_FAILURE;
    int status = unit_run("sandbox", tests, 4);
    (void)rmdir(readable);
    return status;
#endif
}
