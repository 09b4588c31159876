/* sysfault: what sysfault.so, to be preloaded, and the tool sysfault share: one mapped file, $SYSFAULT. */
#ifndef ZEGEL_SYSFAULT_H
#define ZEGEL_SYSFAULT_H

#include <stdatomic.h>
#include <stdint.h>

enum sysfault_kind { SYSFAULT_OFF, SYSFAULT_ALLOC, SYSFAULT_CALL };
enum { SYSFAULT_SHORT = 1000 }; /* instead of an errno: one octet is read or written */

struct sysfault {
    _Atomic uint32_t kind; /* written last */
    char program[16];      /* only in this one */
    char call[16];         /* only this function; "": any */
    uint32_t nth, forever; /* this one, or all from this one */
    uint32_t error;
    _Atomic uint32_t seen, fired;
};

#endif
