/* See shim.h. What the libraries never need here (memory mapping, files, threads, allocation) panics: a call would be a bug or an
 * attack. */
#include "port/imx6ul/shim.h"

#include "crypto.h"
#include "hal.h"

#include <string.h>

extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0xFF0A0D00; /* until shim_init */

void __attribute__((no_stack_protector)) shim_init(void)
{
    uintptr_t guard;

    if (hal_entropy((uint8_t *)&guard, sizeof guard) != HAL_OK)
        hal_panic("no entropy for the stack guard");
    __stack_chk_guard = guard;
}

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
    hal_panic("a stack frame was overwritten");
}

_Noreturn void __assert_fail(const char *what, const char *file, unsigned line, const char *function);
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
    (void)file;
    (void)line;
    (void)function;
    hal_panic(what);
}

int *__errno_location(void);
int *__errno_location(void)
{
    static int error;

    return &error;
}

void __explicit_bzero_chk(void *data, size_t len, size_t room);
void __explicit_bzero_chk(void *data, size_t len, size_t room)
{
    if (len > room)
        hal_panic("explicit_bzero beyond its object");
    memset(data, 0, len);
    __asm__ volatile("" ::"r"(data) : "memory");
}

/* libsodium's lock around the choice of its random source; there is one thread. */
int pthread_mutex_lock(void *mutex);
int pthread_mutex_lock(void *mutex)
{
    (void)mutex;
    return 0;
}

int pthread_mutex_unlock(void *mutex);
int pthread_mutex_unlock(void *mutex)
{
    (void)mutex;
    return 0;
}

/* Under a name of ours for the compiler, which knows what malloc is. */
#define NEVER(name)                                                                                                              \
    _Noreturn void never_##name(void) __asm__(#name);                                                                            \
    _Noreturn void never_##name(void)                                                                                            \
    {                                                                                                                            \
        hal_panic(#name " was called");                                                                                          \
    }

NEVER(abort)
NEVER(raise)
NEVER(_exit)
NEVER(malloc)
NEVER(calloc)
NEVER(realloc)
NEVER(free)
NEVER(mmap)
NEVER(munmap)
NEVER(mprotect)
NEVER(madvise)
NEVER(mlock)
NEVER(munlock)
NEVER(open)
NEVER(close)
NEVER(read)
NEVER(write)
NEVER(fstat)
NEVER(poll)
NEVER(sysconf)
NEVER(getpid)
NEVER(getrandom)
