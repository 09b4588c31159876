/* sysfault.so, to be preloaded: the Nth allocation, or the Nth system call that a program or its libraries make through libc,
 * fails or does only a part. (strace -e inject cannot: it turns the call into number -1, and seccomp kills for that.) */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sysfault.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

typedef long syscall_function(long number, ...);

static struct sysfault *control; /* NULL: this process is not meant */

/* libc's syscall(), looked up when first called: a library whose constructor runs before ours (libcap-ng's, in setpriv)
 * comes through here too. */
static syscall_function *libc_syscall(void)
{
    static syscall_function *found;
    if (found == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "syscall");
        memcpy(&found, &symbol, sizeof found); /* ISO C has no cast from object to function pointer */
    }
    return found;
}

#define real(...) libc_syscall()(__VA_ARGS__)

/* Says where that was, in one line: whose code it is. */
static void say_where(const char *head, int skip)
{
    enum { FRAMES = 14 };
    void *frames[FRAMES];
    int n = backtrace(frames, FRAMES);
    (void)!real(SYS_write, STDERR_FILENO, head, strlen(head));
    for (int i = skip; i < n; i++) {
        Dl_info info;
        char text[200];
        if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL)
            continue;
        const char *file = strrchr(info.dli_fname, '/');
        int len = snprintf(text, sizeof text, "%s(%s) ", file == NULL ? info.dli_fname : file + 1,
                           info.dli_sname == NULL ? "" : info.dli_sname);
        (void)!real(SYS_write, STDERR_FILENO, text, (size_t)len);
    }
    (void)!real(SYS_write, STDERR_FILENO, "\n", 1);
}

static void crashed(int signal)
{
    say_where("sysfault: crash in: ", 3);
    (void)raise(signal); /* SA_RESETHAND */
}

static void watch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction sa = {.sa_handler = crashed, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    void *frame;
    (void)backtrace(&frame, 1); /* it loads a library the first time */
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)sigaction(signals[i], &sa, NULL);
}

__attribute__((constructor)) static void map_control(void)
{
    const char *path = getenv("SYSFAULT");
    int fd = path == NULL ? -1 : (int)real(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    watch_crashes();
    if (at != MAP_FAILED)
        control = at;
    if (fd >= 0)
        (void)real(SYS_close, fd);
}

/* Of the callers, without us, wherever their files lie in this process: FNV-1a over names and offsets. */
static uint64_t stack_hash(void)
{
    enum { FRAMES = 40 };
    void *frames[FRAMES];
    struct dl_find_object us, at;
    uint64_t hash = 0xcbf29ce484222325;
    int n = _dl_find_object((void *)(uintptr_t)stack_hash, &us) == 0 ? backtrace(frames, FRAMES) : 0;
    for (int i = 0; i < n; i++) {
        if (_dl_find_object(frames[i], &at) != 0 || at.dlfo_link_map == us.dlfo_link_map)
            continue;
        hash = (hash ^ ((uintptr_t)frames[i] - (uintptr_t)at.dlfo_map_start)) * 0x100000001b3;
        for (const char *name = at.dlfo_link_map->l_name; *name != '\0'; name++)
            hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
    }
    return hash == 0 ? 1 : hash;
}

static void record(struct sysfault *c)
{
    uint64_t hash = stack_hash();
    for (unsigned tries = 0; tries < SYSFAULT_STACKS_MAX; tries++) {
        struct sysfault_stack *at = &c->stacks[(hash + tries) % SYSFAULT_STACKS_MAX];
        uint64_t there = 0;
        if (atomic_compare_exchange_strong(&at->hash, &there, hash) || there == hash) {
            atomic_fetch_add(&at->calls, 1);
            break;
        }
    }
    atomic_fetch_add(&c->seen, 1);
}

static bool hit(enum sysfault_kind kind, const char *call)
{
    struct sysfault *c = control;
    uint32_t now = c == NULL ? SYSFAULT_OFF : atomic_load(&c->kind);
    if ((now & ~(uint32_t)SYSFAULT_RECORD) != kind || strcmp(c->program, program_invocation_short_name) != 0 ||
        (c->call[0] != '\0' && strcmp(c->call, call) != 0))
        return false;
    if ((now & SYSFAULT_RECORD) != 0) {
        record(c);
        return false;
    }
    if (c->stack != 0 && c->stack != stack_hash())
        return false;
    uint32_t n = atomic_fetch_add(&c->seen, 1) + 1;
    if (n != c->nth && !(c->forever && n > c->nth))
        return false;
    if (atomic_fetch_add(&c->fired, 1) == 0)
        say_where("sysfault: fails in: ", 2);
    return true;
}

/* Sets errno. True when the call is to fail; otherwise *len may have become shorter. */
static bool fails(const char *call, size_t *len)
{
    if (!hit(SYSFAULT_CALL, call))
        return false;
    if (control->error != SYSFAULT_SHORT) {
        errno = (int)control->error;
        return true;
    }
    if (len != NULL && *len > 1)
        *len = 1;
    return false;
}

void *malloc(size_t n)
{
    return hit(SYSFAULT_ALLOC, "malloc") ? (errno = ENOMEM, NULL) : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return hit(SYSFAULT_ALLOC, "calloc") ? (errno = ENOMEM, NULL) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return hit(SYSFAULT_ALLOC, "realloc") ? (errno = ENOMEM, NULL) : __libc_realloc(p, n);
}

ssize_t read(int fd, void *data, size_t len)
{
    return fails("read", &len) ? -1 : real(SYS_read, fd, data, len);
}

/* Only a pipe within a process is written without ever failing: libmilter's, which would wait for ever. */
static bool is_pipe(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
    return !is_pipe(fd) && fails("write", &len) ? -1 : real(SYS_write, fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    return fails("pread", &len) ? -1 : real(SYS_pread64, fd, data, len, at);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return fails("pwrite", &len) ? -1 : real(SYS_pwrite64, fd, data, len, at);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    return fails("recvmsg", NULL) ? -1 : real(SYS_recvmsg, fd, m, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    return fails("sendmsg", NULL) ? -1 : real(SYS_sendmsg, fd, m, flags);
}

int poll(struct pollfd *p, nfds_t n, int timeout)
{
    return fails("poll", NULL) ? -1 : (int)real(SYS_poll, p, n, timeout);
}

int fdatasync(int fd)
{
    return fails("fdatasync", NULL) ? -1 : (int)real(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fails("fsync", NULL) ? -1 : (int)real(SYS_fsync, fd);
}

int dup(int fd)
{
    return fails("dup", NULL) ? -1 : (int)real(SYS_dup, fd);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
    va_end(ap);
    return fails("open", NULL) ? -1 : (int)real(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* As zegel-milter calls it, which has a read() and a poll() of its own. */
long syscall(long number, ...)
{
    long a[6];
    va_list ap;
    va_start(ap, number);
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (number == SYS_read || number == SYS_poll) {
        size_t len = (size_t)a[2];
        if (fails(number == SYS_read ? "read" : "poll", number == SYS_read ? &len : NULL))
            return -1;
        a[2] = number == SYS_read ? (long)len : a[2];
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
