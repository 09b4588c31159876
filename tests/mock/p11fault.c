/* p11fault.so: a PKCS#11 module that wraps another one ($P11FAULT_MODULE, SoftHSM) and fails on demand. What is demanded
 * stands in the mapped file $P11FAULT_CONTROL; the tool p11fault (p11fault_tool.c) writes it. */
#include <fcntl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "p11fault.h"
#include "pkcs11/cryptoki.h"

enum { SESSIONS = 4096, MOVE_SHIFT = 40, STALE_SHIFT = 40 };

/* Of one session: what the wrapped module does not tell. */
struct session {
    CK_SESSION_HANDLE open; /* 0: none */
    int64_t used_ms;
    CK_MECHANISM_TYPE mechanism;
};

static struct p11fault *control;
static CK_FUNCTION_LIST *real, mine;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for what follows */
static struct session sessions[SESSIONS];
static uint32_t removals_seen, blindings_seen;
static bool listed; /* the token was there when the slots were last looked at (PKCS#11 v2.40 §5.5: only with a NULL list) */

static int64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&ts, &ts) != 0)
        ;
}

static bool is_absent(void)
{
    return control->absent || blindings_seen != control->blindings;
}

/* ---- slots that move, handles that go stale: tagged on the way out, checked and untagged on the way in ---- */

static CK_ULONG move_tag(void)
{
    return control->moves ? (CK_ULONG)(control->removals & 0xff) << MOVE_SHIFT : 0;
}

static CK_RV slot_in(CK_SLOT_ID *slot)
{
    CK_ULONG tag = *slot >> MOVE_SHIFT << MOVE_SHIFT;
    if (is_absent())
        return CKR_TOKEN_NOT_PRESENT;
    if (tag != move_tag())
        return CKR_SLOT_ID_INVALID;
    *slot ^= tag;
    return CKR_OK;
}

static CK_RV object_in(CK_OBJECT_HANDLE *object, CK_RV invalid)
{
    CK_ULONG tag = *object >> STALE_SHIFT;
    if (tag != (control->stale & 0xffff))
        return invalid;
    *object ^= tag << STALE_SHIFT;
    return CKR_OK;
}

/* ---- sessions ---- */

static struct session *session_of(CK_SESSION_HANDLE s)
{
    return &sessions[s % SESSIONS];
}

/* A token that was out has lost its sessions and its login, even if nobody asked while it was. */
static void notice_removal(void)
{
    uint32_t removals = control->removals;
    if (removals == removals_seen)
        return;
    removals_seen = removals;
    for (unsigned i = 0; i < SESSIONS; i++)
        if (sessions[i].open != 0) {
            (void)real->C_CloseSession(sessions[i].open); /* the last one takes the login with it */
            sessions[i].open = 0;
        }
}

static CK_RV session_in(CK_SESSION_HANDLE s)
{
    struct session *e = session_of(s);
    CK_RV rv = CKR_OK;
    int64_t now = now_ms();
    pthread_mutex_lock(&lock);
    notice_removal();
    if (is_absent()) {
        rv = CKR_DEVICE_REMOVED;
    } else if (control->idle_ms != 0 && e->used_ms != 0 && now - e->used_ms > control->idle_ms) {
        (void)real->C_CloseSession(s);
        rv = CKR_SESSION_HANDLE_INVALID;
    }
    e->used_ms = now;
    pthread_mutex_unlock(&lock);
    return rv;
}

/* ---- rules ---- */

static _Noreturn void hang(void)
{
    for (;;)
        sleep_ms(1000000);
}

/* What vendor code that forks does to its host: the child keeps all descriptors and writes rubbish to them. */
static void misbehave_after_fork(void)
{
    static const char rubbish[] = "rubbish from a forked module";
    pid_t pid = fork();
    if (pid > 0)
        control->forks++;
    if (pid != 0)
        return;
    for (int fd = 3; fd < 64; fd++)
        (void)!write(fd, rubbish, sizeof rubbish);
    sleep_ms(5000);
    _exit(0);
}

static bool applies(struct p11fault_rule *r, enum p11fault_function f, CK_SESSION_HANDLE s)
{
    if (atomic_load(&r->action) == P11FAULT_NONE || r->function != (uint32_t)f)
        return false;
    if (r->mechanism != 0 && session_of(s)->mechanism != r->mechanism)
        return false;
    uint32_t nth = atomic_fetch_add(&r->seen, 1) + 1;
    if (nth < r->first || (nth > r->first && (r->every == 0 || (nth - r->first) % r->every != 0)))
        return false;
    uint32_t fired = atomic_fetch_add(&r->fired, 1) + 1;
    if (r->times != 0 && fired > r->times) {
        r->fired--;
        return false;
    }
    return true;
}

static CK_RV act(const struct p11fault_rule *r, CK_SESSION_HANDLE s)
{
    switch ((enum p11fault_action)r->action) {
    case P11FAULT_RV: return r->value;
    case P11FAULT_DELAY: sleep_ms(r->value); break;
    case P11FAULT_HANG: hang();
    case P11FAULT_CRASH: (void)raise(SIGSEGV); break;
    case P11FAULT_EXIT: exit((int)r->value); /* with its exit handlers, as vendor code does */
    case P11FAULT_CLOSE: (void)real->C_CloseSession(s); break;
    case P11FAULT_LOGOUT: (void)real->C_Logout(s); break;
    case P11FAULT_STALE: control->stale++; break;
    case P11FAULT_FORK: misbehave_after_fork(); break;
    case P11FAULT_REMOVE:
        control->absent = 1;
        control->removals++;
        break;
    case P11FAULT_NONE:
    case P11FAULT_FLIP:
    case P11FAULT_SHORT:
    case P11FAULT_OTHER:
    case P11FAULT_LIE:
    case P11FAULT_LONG:
    case P11FAULT_SWAP: break;
    }
    return CKR_OK;
}

/* One call on its way: counted, and the rules that apply to it. */
struct call {
    struct p11fault_rule *hit[P11FAULT_RULES];
    unsigned hits;
    CK_SESSION_HANDLE session;
};

static CK_RV before(struct call *c, enum p11fault_function f, CK_SESSION_HANDLE s)
{
    CK_RV rv = CKR_OK;
    *c = (struct call){.session = s};
    control->calls[f]++;
    for (unsigned i = 0; i < P11FAULT_RULES; i++)
        if (applies(&control->rules[i], f, s))
            c->hit[c->hits++] = &control->rules[i];
    for (unsigned i = 0; i < c->hits && rv == CKR_OK; i++)
        if (!c->hit[i]->after)
            rv = act(c->hit[i], s);
    if (rv == CKR_OK && s != 0)
        rv = session_in(s);
    return rv;
}

static CK_RV after(const struct call *c, CK_RV rv)
{
    for (unsigned i = 0; i < c->hits; i++)
        if (c->hit[i]->after) {
            CK_RV other = act(c->hit[i], c->session);
            rv = other == CKR_OK ? rv : other;
        }
    return rv;
}

static void bend(const struct call *c, CK_BYTE *sig, CK_ULONG *len)
{
    for (unsigned i = 0; i < c->hits; i++) {
        uint64_t value = c->hit[i]->value;
        if (c->hit[i]->action == P11FAULT_FLIP && *len > 0)
            sig[value / 8 % *len] ^= (CK_BYTE)(1U << value % 8);
        if (c->hit[i]->action == P11FAULT_SHORT && *len >= value)
            *len -= value;
        if (c->hit[i]->action == P11FAULT_LONG)
            *len += value;
    }
}

/* The bit of a rule with this action that applies to the call; -1: none. */
static int64_t bit_of(const struct call *c, enum p11fault_action action)
{
    for (unsigned i = 0; i < c->hits; i++)
        if (c->hit[i]->action == action)
            return (int64_t)c->hit[i]->value;
    return -1;
}

static void flip(CK_BYTE *data, CK_ULONG len, int64_t bit)
{
    if (bit >= 0 && len > 0)
        data[(CK_ULONG)bit / 8 % len] ^= (CK_BYTE)(1U << bit % 8);
}

/* ---- the functions; ENTER counts and leaves with what a rule says, LEAVE lets rules have the last word ---- */

#define ENTER(f, session)                                                                                                        \
    struct call call;                                                                                                            \
    CK_RV rv = before(&call, P11FAULT_##f, session);                                                                             \
    if (rv != CKR_OK)                                                                                                            \
    return rv
#define LEAVE(expression) return after(&call, expression)

static CK_RV f_C_Initialize(void *args)
{
    ENTER(C_Initialize, 0);
    rv = real->C_Initialize(args);
    blindings_seen = control->blindings;
    listed = !is_absent();
    removals_seen = control->removals;
    LEAVE(rv);
}

static CK_RV f_C_Finalize(void *reserved)
{
    ENTER(C_Finalize, 0);
    LEAVE(real->C_Finalize(reserved));
}

static CK_RV f_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    ENTER(C_GetSlotList, 0);
    CK_ULONG room = *count;
    pthread_mutex_lock(&lock);
    notice_removal();
    if (list == NULL)
        listed = !is_absent();
    bool empty = !listed || is_absent();
    pthread_mutex_unlock(&lock);
    rv = real->C_GetSlotList(present, list, count);
    if (present && empty) {
        *count = 0;
        rv = room == 0 && list != NULL ? CKR_OK : rv;
    }
    for (CK_ULONG i = 0; rv == CKR_OK && list != NULL && i < *count; i++)
        list[i] ^= move_tag();
    LEAVE(rv);
}

static CK_RV f_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    ENTER(C_GetTokenInfo, 0);
    rv = slot_in(&slot);
    if (rv == CKR_OK)
        rv = real->C_GetTokenInfo(slot, info);
    int32_t left = control->pin_left;
    if (rv == CKR_OK && left >= 0)
        info->flags |= left == 0   ? CKF_USER_PIN_LOCKED
                       : left == 1 ? CKF_USER_PIN_FINAL_TRY
                       : left == 2 ? CKF_USER_PIN_COUNT_LOW
                                   : 0;
    LEAVE(rv);
}

static CK_RV f_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info)
{
    ENTER(C_GetMechanismInfo, 0);
    rv = slot_in(&slot);
    LEAVE(rv == CKR_OK ? real->C_GetMechanismInfo(slot, m, info) : rv);
}

static CK_RV f_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *s)
{
    ENTER(C_OpenSession, 0);
    pthread_mutex_lock(&lock);
    notice_removal();
    pthread_mutex_unlock(&lock);
    rv = slot_in(&slot);
    if (rv == CKR_OK)
        rv = real->C_OpenSession(slot, flags, application, notify, s);
    if (rv == CKR_OK)
        *session_of(*s) = (struct session){.open = *s, .used_ms = now_ms()};
    LEAVE(rv);
}

static CK_RV f_C_CloseSession(CK_SESSION_HANDLE s)
{
    ENTER(C_CloseSession, s);
    session_of(s)->open = 0;
    LEAVE(real->C_CloseSession(s));
}

static CK_RV f_C_GetSessionInfo(CK_SESSION_HANDLE s, CK_SESSION_INFO *info)
{
    ENTER(C_GetSessionInfo, s);
    LEAVE(real->C_GetSessionInfo(s, info));
}

static CK_RV f_C_Login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    ENTER(C_Login, s);
    if (control->pin_left == 0) {
        control->locked_logins++;
        LEAVE(CKR_PIN_LOCKED);
    }
    rv = real->C_Login(s, user, pin, len);
    if (rv == CKR_PIN_INCORRECT && control->pin_left > 0)
        control->pin_left--;
    LEAVE(rv);
}

static CK_RV f_C_Logout(CK_SESSION_HANDLE s)
{
    ENTER(C_Logout, s);
    LEAVE(real->C_Logout(s));
}

static CK_RV f_C_FindObjectsInit(CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG count)
{
    ENTER(C_FindObjectsInit, s);
    LEAVE(real->C_FindObjectsInit(s, template, count));
}

static CK_RV f_C_FindObjects(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count)
{
    ENTER(C_FindObjects, s);
    rv = real->C_FindObjects(s, found, max, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < *count; i++)
        found[i] |= (CK_ULONG)(control->stale & 0xffff) << STALE_SHIFT;
    LEAVE(rv);
}

static CK_RV f_C_FindObjectsFinal(CK_SESSION_HANDLE s)
{
    ENTER(C_FindObjectsFinal, s);
    LEAVE(real->C_FindObjectsFinal(s));
}

static CK_RV f_C_GetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *template, CK_ULONG count)
{
    ENTER(C_GetAttributeValue, s);
    rv = object_in(&o, CKR_OBJECT_HANDLE_INVALID);
    if (rv == CKR_OK)
        rv = real->C_GetAttributeValue(s, o, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        if (template[i].pValue != NULL && (template[i].type == CKA_MODULUS || template[i].type == CKA_EC_POINT))
            flip(template[i].pValue, template[i].ulValueLen, bit_of(&call, P11FAULT_LIE));
    LEAVE(rv);
}

/* Any other private key that takes this mechanism. */
static bool init_with_another(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE found[16];
    CK_ULONG count = 0;
    if (real->C_FindObjectsInit(s, &template, 1) != CKR_OK || real->C_FindObjects(s, found, 16, &count) != CKR_OK)
        count = 0;
    (void)real->C_FindObjectsFinal(s);
    for (CK_ULONG i = 0; i < count; i++)
        if (found[i] != key && real->C_SignInit(s, m, found[i]) == CKR_OK)
            return true;
    return false;
}

static CK_RV f_C_SignInit(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    session_of(s)->mechanism = m == NULL ? 0 : m->mechanism;
    ENTER(C_SignInit, s);
    rv = object_in(&key, CKR_KEY_HANDLE_INVALID);
    if (rv == CKR_OK && bit_of(&call, P11FAULT_SWAP) >= 0 && init_with_another(s, m, key))
        LEAVE(CKR_OK);
    LEAVE(rv == CKR_OK ? real->C_SignInit(s, m, key) : rv);
}

static CK_RV f_C_Sign(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
    ENTER(C_Sign, s);
    CK_BYTE other[65536];
    int64_t bit = bit_of(&call, P11FAULT_OTHER);
    if (bit >= 0 && len <= sizeof other) {
        memcpy(other, data, len);
        flip(other, len, bit);
        data = other;
    }
    rv = real->C_Sign(s, data, len, sig, sig_len);
    if (rv == CKR_OK && sig != NULL)
        bend(&call, sig, sig_len);
    LEAVE(rv);
}

/* ---- loading ---- */

static bool map_control(void)
{
    const char *path = getenv("P11FAULT_CONTROL");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        (void)close(fd);
    control = at == MAP_FAILED ? NULL : at;
    return control != NULL && control->magic == P11FAULT_MAGIC;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    CK_C_GetFunctionList get;
    const char *path = getenv("P11FAULT_MODULE");
    void *handle = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol = NULL;
    if (handle != NULL)
        symbol = dlsym(handle, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof get);
    if (!map_control() || symbol == NULL || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    mine = *real;
#define P11FAULT_SET(name) mine.name = f_##name;
    P11FAULT_FUNCTIONS(P11FAULT_SET)
    *list = &mine;
    return CKR_OK;
}
