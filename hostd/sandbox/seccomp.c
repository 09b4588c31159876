#include "sandbox/seccomp.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/err.h"

enum { LOAD_CPU_MAX_S = 2 };

/* What any of our processes does in steady state: memory, threads, time, the descriptors it has. */
static const int common[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(tgkill),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(membarrier),
};

/* libmilter: connections of the MTA. */
static const int milter[] = {
    SCMP_SYS(accept),      SCMP_SYS(accept4),     SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),   SCMP_SYS(select),
    SCMP_SYS(pselect6),    SCMP_SYS(pipe),        SCMP_SYS(pipe2),
};

/* The audit log; Landlock keeps it to that directory. */
static const int signer[] = {SCMP_SYS(pwrite64),  SCMP_SYS(getdents64), SCMP_SYS(fdatasync), SCMP_SYS(fsync),
                             SCMP_SYS(ftruncate), SCMP_SYS(openat),     SCMP_SYS(rename),    SCMP_SYS(renameat),
                             SCMP_SYS(renameat2), SCMP_SYS(unlink)};

/* A front end of an MTA: one connection to zegel-milter for each message, and its spool; Landlock keeps it to that directory. */
static const int front[] = {SCMP_SYS(openat), SCMP_SYS(unlink), SCMP_SYS(connect), SCMP_SYS(getsockopt)};

/* Tried by libraries in passing (syslog(3), locale, unlinking the socket at the end): refused, not fatal. */
static const int refused[] = {
    SCMP_SYS(open),  SCMP_SYS(access),   SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(stat),  SCMP_SYS(lstat),
    SCMP_SYS(statx), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(unlinkat),   SCMP_SYS(ioctl),
};
static const int no_sockets[] = {SCMP_SYS(socket), SCMP_SYS(connect)};

/* Vendor code: files as Landlock lets it see them, and what PC/SC and its threads need. No exec, no ptrace, no kernel surface. */
static const int token[] = {
    SCMP_SYS(open),          SCMP_SYS(openat),        SCMP_SYS(access),    SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
    SCMP_SYS(stat),          SCMP_SYS(lstat),         SCMP_SYS(statx),     SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),    SCMP_SYS(getcwd),        SCMP_SYS(pwrite64),  SCMP_SYS(fsync),      SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),     SCMP_SYS(flock),         SCMP_SYS(rename),    SCMP_SYS(renameat),   SCMP_SYS(renameat2),
    SCMP_SYS(unlink),        SCMP_SYS(unlinkat),      SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),    SCMP_SYS(umask),
    SCMP_SYS(eventfd2),      SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(pipe2),         SCMP_SYS(dup2),          SCMP_SYS(dup3),      SCMP_SYS(select),     SCMP_SYS(pselect6),
    SCMP_SYS(sched_setattr), SCMP_SYS(prctl),         SCMP_SYS(times),     SCMP_SYS(getrusage),  SCMP_SYS(fstatfs),
    SCMP_SYS(statfs),        SCMP_SYS(fadvise64),     SCMP_SYS(getppid),   SCMP_SYS(ioctl),
};

static const int sockets[] = {
    SCMP_SYS(connect),    SCMP_SYS(bind),     SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(socketpair),  SCMP_SYS(sendmmsg),    SCMP_SYS(recvmmsg),
};

/* libunbound and its event loop. */
static const int resolver[] = {
    SCMP_SYS(openat),         SCMP_SYS(connect),         SCMP_SYS(bind),         SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),     SCMP_SYS(setsockopt),      SCMP_SYS(shutdown),     SCMP_SYS(socketpair),  SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),       SCMP_SYS(pipe2),           SCMP_SYS(pipe),         SCMP_SYS(eventfd2),    SCMP_SYS(select),
    SCMP_SYS(pselect6),       SCMP_SYS(epoll_create1),   SCMP_SYS(epoll_ctl),    SCMP_SYS(epoll_wait),  SCMP_SYS(epoll_pwait),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(epoll_create),
};

#define ADD(ctx, action, list) add(ctx, action, list, sizeof(list) / sizeof(list)[0])

static bool add(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(ctx, action, calls[i], 0) != 0)
            return false;
    return true;
}

static bool allow_family(scmp_filter_ctx ctx, int family)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0)) == 0;
}

/* Threads, but no process: clone only with CLONE_THREAD. Its successor hides its flags from us; glibc does without it. */
static bool allow_threads(scmp_filter_ctx ctx)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) ==
               0 &&
           seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

/* Our own processes have all the code they need: no memory becomes executable. */
static bool allow_data_memory(scmp_filter_ctx ctx)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
           seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

static bool add_ours(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
    bool ok = ADD(ctx, SCMP_ACT_ALLOW, common) && allow_threads(ctx) && allow_data_memory(ctx) &&
              ADD(ctx, SCMP_ACT_ERRNO(EACCES), refused);
    static const int files[] = {SCMP_SYS(openat), SCMP_SYS(unlink)};
    if (profile == SANDBOX_FRONT)
        return ok && ADD(ctx, SCMP_ACT_ALLOW, front) && allow_family(ctx, AF_UNIX);
    ok = ok && ADD(ctx, SCMP_ACT_ERRNO(EACCES), no_sockets);
    if (profile == SANDBOX_MILTER)
        return ok && ADD(ctx, SCMP_ACT_ALLOW, milter) && ADD(ctx, SCMP_ACT_ERRNO(EACCES), files);
    if (profile == SANDBOX_STATUS)
        return ok && ADD(ctx, SCMP_ACT_ALLOW, milter) && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 0) == 0;
    return ok && ADD(ctx, SCMP_ACT_ALLOW, signer);
}

static bool add_resolver(scmp_filter_ctx ctx)
{
    return ADD(ctx, SCMP_ACT_ALLOW, common) && ADD(ctx, SCMP_ACT_ALLOW, resolver) && allow_threads(ctx) &&
           allow_data_memory(ctx) && allow_family(ctx, AF_INET) && allow_family(ctx, AF_INET6);
}

static bool add_token(scmp_filter_ctx ctx, enum sandbox_profile profile)
{
    static const int code[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)}; /* it loads its own libraries */
    bool ok = ADD(ctx, SCMP_ACT_ALLOW, common) && ADD(ctx, SCMP_ACT_ALLOW, token) && ADD(ctx, SCMP_ACT_ALLOW, code) &&
              allow_threads(ctx);
    if (profile == SANDBOX_TOKEN_LOCAL)
        return ok;
    ok = ok && ADD(ctx, SCMP_ACT_ALLOW, sockets) && allow_family(ctx, AF_UNIX);
    if (profile == SANDBOX_TOKEN_NETWORK)
        ok = ok && allow_family(ctx, AF_INET) && allow_family(ctx, AF_INET6);
    return ok;
}

/* libseccomp 2.5 that finds no memory for one of its tables goes round for ever. Whoever waits for us would end us after 15 s: so
 * we end after this much of CPU time, of which a slow machine needs no more than a fast one. The filter forbids to stop the timer
 * again; its signal comes to nothing. */
static bool begin_bounded(void)
{
    const struct itimerval bound = {.it_value = {.tv_sec = LOAD_CPU_MAX_S}};
    const struct sigaction ends = {.sa_handler = SIG_DFL};
    return sigaction(SIGPROF, &ends, NULL) == 0 && setitimer(ITIMER_PROF, &bound, NULL) == 0;
}

static bool end_bounded(void)
{
    const struct sigaction ignored = {.sa_handler = SIG_IGN};
    return sigaction(SIGPROF, &ignored, NULL) == 0;
}

int seccomp_apply(enum sandbox_profile profile, struct buf *why)
{
    bool bounded = begin_bounded();
    bool ours = profile == SANDBOX_MILTER || profile == SANDBOX_SIGNER || profile == SANDBOX_STATUS || profile == SANDBOX_FRONT;
    scmp_filter_ctx ctx = seccomp_init(ours ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
    bool ok = bounded && ctx != NULL &&
              (ours                          ? add_ours(ctx, profile)
               : profile == SANDBOX_RESOLVER ? add_resolver(ctx)
                                             : add_token(ctx, profile)) &&
              seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && seccomp_load(ctx) == 0;
    if (ctx != NULL)
        seccomp_release(ctx);
    ok = end_bounded() && ok;
    if (!ok)
        buf_add_str(why, "sandbox: seccomp: the filter could not be loaded");
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}
