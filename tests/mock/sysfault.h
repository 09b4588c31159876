/* sysfault: what sysfault.so, to be preloaded, and the tool sysfault share: one mapped file, $SYSFAULT. */
#ifndef ZEGEL_SYSFAULT_H
#define ZEGEL_SYSFAULT_H

#include <stdatomic.h>
#include <stdint.h>

enum sysfault_kind { SYSFAULT_OFF, SYSFAULT_ALLOC, SYSFAULT_CALL, SYSFAULT_RECORD = 4 /* with one of them: only count */ };
enum { SYSFAULT_SHORT = 1000 }; /* instead of an errno: one octet is read or written */
enum { SYSFAULT_STACKS_MAX = 1 << 14 };

/* How often something was called from one place: the whole stack, as a hash that is the same in every process of that program. */
struct sysfault_stack {
    _Atomic uint64_t hash; /* 0: free */
    _Atomic uint32_t calls;
};

struct sysfault {
    _Atomic uint32_t kind; /* written last */
    char program[16];      /* only in this one */
    char call[16];         /* only this function; "": any */
    uint64_t stack;        /* only with this stack; 0: any */
    uint32_t nth, forever; /* this one, or all from this one */
    uint32_t error;
    _Atomic uint32_t seen, fired;
    struct sysfault_stack stacks[SYSFAULT_STACKS_MAX]; /* what was recorded */
};

#endif
