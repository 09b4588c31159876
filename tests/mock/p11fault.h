/* p11fault: what the module p11fault.so and the tool p11fault share: one file, mapped by both.
 *
 * A file and not a socket: the worker that loads the module may open no socket, dies with most of the faults, and its
 * successor has to go on counting where it stopped. */
#ifndef ZEGEL_P11FAULT_H
#define ZEGEL_P11FAULT_H

#include <stdatomic.h>
#include <stdint.h>

/* Functions that are counted, and can be told to fail. */
#define P11FAULT_FUNCTIONS(X)                                                                                                    \
    X(C_Initialize)                                                                                                              \
    X(C_Finalize)                                                                                                                \
    X(C_GetSlotList)                                                                                                             \
    X(C_GetTokenInfo)                                                                                                            \
    X(C_GetMechanismInfo)                                                                                                        \
    X(C_OpenSession)                                                                                                             \
    X(C_CloseSession)                                                                                                            \
    X(C_GetSessionInfo)                                                                                                          \
    X(C_Login)                                                                                                                   \
    X(C_Logout)                                                                                                                  \
    X(C_FindObjectsInit)                                                                                                         \
    X(C_FindObjects)                                                                                                             \
    X(C_FindObjectsFinal)                                                                                                        \
    X(C_GetAttributeValue)                                                                                                       \
    X(C_SignInit)                                                                                                                \
    X(C_Sign)

#define P11FAULT_ENUM(name) P11FAULT_##name,
enum p11fault_function { P11FAULT_FUNCTIONS(P11FAULT_ENUM) P11FAULT_COUNT };

enum p11fault_action {
    P11FAULT_NONE,
    P11FAULT_RV,    /* do not call; return `value` */
    P11FAULT_DELAY, /* sleep `value` ms, then call */
    P11FAULT_HANG,
    P11FAULT_CRASH, /* SIGSEGV */
    P11FAULT_EXIT,  /* exit(value) */
    P11FAULT_FLIP,  /* C_Sign: bit `value` of the signature */
    P11FAULT_SHORT, /* C_Sign: `value` octets less */
    P11FAULT_OTHER, /* C_Sign: the signature of something else: bit `value` of the data differs */
    P11FAULT_LIE,   /* C_GetAttributeValue: bit `value` of the modulus or of the point differs */
    P11FAULT_LONG,  /* C_Sign: says its signature has `value` octets more */
    P11FAULT_SWAP,  /* C_SignInit: with another key that takes the mechanism */
    P11FAULT_CLOSE, /* close this session, then call */
    P11FAULT_LOGOUT,
    P11FAULT_STALE,  /* all object handles given so far are invalid from now on */
    P11FAULT_FORK,   /* fork; the child holds on to every descriptor it inherited, and writes to them */
    P11FAULT_REMOVE, /* the token is pulled out at this very call */
};

enum { P11FAULT_RULES = 16, P11FAULT_MAGIC = 0x70313166 };

struct p11fault_rule {
    _Atomic uint32_t action; /* written last, so that a rule is there as a whole */
    uint32_t function;
    uint32_t first, every, times; /* of its own calls: the first one, each every-th from there; at most `times` (0: no end) */
    uint32_t after;               /* the call is made, and then the action */
    uint64_t mechanism;           /* only with a session where C_SignInit had this one; 0: any */
    uint64_t value;
    _Atomic uint32_t seen, fired;
};

struct p11fault {
    uint32_t magic;
    _Atomic uint32_t absent;    /* the token is out */
    _Atomic uint32_t removals;  /* how often it has been */
    _Atomic uint32_t blindings; /* how often those who were initialised then lost sight of it, until they are anew */
    _Atomic uint32_t moves;     /* each time it comes back in another slot */
    _Atomic uint32_t stale;
    _Atomic uint32_t idle_ms;       /* sessions expire after so long without a call; 0: never */
    _Atomic int32_t pin_left;       /* wrong PINs left until it locks; -1: not counted */
    _Atomic uint32_t forks;         /* that the kernel let the module do */
    _Atomic uint32_t locked_logins; /* C_Login although the PIN was locked */
    _Atomic uint32_t calls[P11FAULT_COUNT];
    struct p11fault_rule rules[P11FAULT_RULES];
};

#endif
