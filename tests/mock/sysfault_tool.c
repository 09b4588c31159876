/* sysfault FILE new | off | alloc PROGRAM N | call PROGRAM N ERROR [NAME] | fired | seen
 * sysfault FILE record alloc|call PROGRAM: nothing fails, but all are counted, by their call stacks
 * sysfault FILE stacks: those, as lines "STACK CALLS"
 * N: the Nth from now; N+: all from there; N@STACK: the Nth that comes from there.
 * ERROR: EINTR, EIO, ENOSPC, EROFS or short. NAME: only of that function. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sysfault.h"

static uint32_t error_of(const char *name)
{
    static const struct {
        const char *name;
        uint32_t error;
    } table[] = {{"EINTR", EINTR}, {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"short", SYSFAULT_SHORT}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].error;
    (void)fprintf(stderr, "sysfault: %s: no such error\n", name);
    exit(2);
}

static int print_stacks(const struct sysfault *c)
{
    for (unsigned i = 0; i < SYSFAULT_STACKS_MAX; i++)
        if (c->stacks[i].hash != 0)
            (void)printf("%016llx %u\n", (unsigned long long)c->stacks[i].hash, c->stacks[i].calls);
    return 0;
}

static void begin_record(struct sysfault *c, enum sysfault_kind kind, const char *program)
{
    (void)snprintf(c->program, sizeof c->program, "%s", program);
    c->call[0] = '\0';
    c->seen = 0;
    memset(c->stacks, 0, sizeof c->stacks);
    atomic_store(&c->kind, SYSFAULT_RECORD | kind);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    struct sysfault *c;
    int fd = argc < 3 ? -1 : open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof *c) != 0)
        return 2;
    c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (c == MAP_FAILED)
        return 2;
    if (strcmp(argv[2], "fired") == 0 || strcmp(argv[2], "seen") == 0)
        return printf("%u\n", argv[2][0] == 'f' ? c->fired : c->seen) > 0 ? 0 : 2;
    if (strcmp(argv[2], "stacks") == 0)
        return print_stacks(c);
    atomic_store(&c->kind, SYSFAULT_OFF);
    if (argc < 5)
        return 0;
    bool records = strcmp(argv[2], "record") == 0;
    enum sysfault_kind kind = strcmp(argv[records ? 3 : 2], "alloc") == 0 ? SYSFAULT_ALLOC : SYSFAULT_CALL;
    if (records) {
        begin_record(c, kind, argv[4]);
        return 0;
    }
    (void)snprintf(c->program, sizeof c->program, "%s", argv[3]);
    (void)snprintf(c->call, sizeof c->call, "%s", argc > 6 ? argv[6] : "");
    c->nth = (uint32_t)strtoul(argv[4], &end, 10);
    c->forever = *end == '+';
    c->stack = *end == '@' ? strtoull(end + 1, NULL, 16) : 0;
    c->error = kind == SYSFAULT_CALL && argc > 5 ? error_of(argv[5]) : 0;
    c->seen = c->fired = 0;
    atomic_store(&c->kind, kind);
    return 0;
}
