/* module: zegel-pkcs11.so, the Zegel token as a PKCS#11 module (v2.40). It signs and shows keys; keys are made by zegel token.
 *
 * Purpose: an RSA key has CKM_SHA256_RSA_PKCS, an Ed25519 key CKM_ZEGEL_EDDSA_SHA256, and the data of either is a header block,
 * which the token parses before it hashes and signs it. Keys of policy blind have CKM_RSA_PKCS and CKM_EDDSA instead.
 * Security: keeps no PIN. A reset or another program's SELECT is CKR_USER_NOT_LOGGED_IN, a card that is gone
 * CKR_DEVICE_REMOVED: pkcs11/ckr.c knows what to do. One lock around all: a card does one thing at a time.
 * Diagnostics: a refusal of the token is CKR_ZEGEL_REFUSED with the reason in the low octet. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "pkcs11/zegeltoken/extension.h"
#include "pkcs11/zegeltoken/object.h"
#include "pkcs11/zegeltoken/slot.h"

enum { SESSIONS_MAX = 64, PIN_LEN_MIN = 6, PIN_LEN_MAX = 64, FOUND_MAX = 2 * APPLET_KEYS_MAX };

#define EXPORT __attribute__((visibility("default")))

struct session {
    bool open, signs;
    CK_SLOT_ID slot;
    CK_FLAGS flags;
    CK_MECHANISM_TYPE mechanism;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE found[FOUND_MAX];
    size_t found_count, found_at;
    bool finds;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all that follows */
static bool initialised;
static struct reader readers[READERS_MAX];
static struct slot slots[READERS_MAX]; /* as many as readers */
static size_t slots_count;
static struct session sessions[SESSIONS_MAX];

static CK_RV enter(void)
{
    pthread_mutex_lock(&lock);
    if (initialised)
        return CKR_OK;
    pthread_mutex_unlock(&lock);
    return CKR_CRYPTOKI_NOT_INITIALIZED;
}

static CK_RV leave(CK_RV rv)
{
    pthread_mutex_unlock(&lock);
    return rv;
}

/* Enters with a slot there is; on failure nothing is locked. */
static CK_RV enter_slot(CK_SLOT_ID id)
{
    CK_RV rv = enter();
    return rv == CKR_OK && id >= slots_count ? leave(CKR_SLOT_ID_INVALID) : rv;
}

static struct session *session_of(CK_SESSION_HANDLE h)
{
    return h >= 1 && h <= SESSIONS_MAX && sessions[h - 1].open ? &sessions[h - 1] : NULL;
}

/* Sessions end with the token they were opened on (PKCS#11 v2.40 §5.6). */
static CK_RV told(CK_SLOT_ID id, CK_RV rv)
{
    for (size_t i = 0; rv == CKR_DEVICE_REMOVED && i < SESSIONS_MAX; i++)
        if (sessions[i].slot == id)
            sessions[i].open = false;
    return rv;
}

static CK_RV begin(CK_SLOT_ID id)
{
    return told(id, slot_begin(&slots[id]));
}

static CK_RV end(CK_SLOT_ID id, CK_RV rv)
{
    slot_end(&slots[id]);
    return told(id, rv);
}

/* ---- the library */

static CK_RV initialize(void *args)
{
    const CK_C_INITIALIZE_ARGS *a = args;
    if (a != NULL && (a->pReserved != NULL || (a->CreateMutex != NULL && (a->flags & CKF_OS_LOCKING_OK) == 0)))
        return a->pReserved != NULL ? CKR_ARGUMENTS_BAD : CKR_CANT_LOCK;
    pthread_mutex_lock(&lock);
    CK_RV rv = initialised ? CKR_CRYPTOKI_ALREADY_INITIALIZED : CKR_OK;
    initialised = true;
    return leave(rv);
}

/* The PIN's verification ends with the last session of ours. */
static void log_out(CK_SLOT_ID id)
{
    struct slot *s = &slots[id];
    if (!s->logged_in || begin(id) != CKR_OK)
        return;
    struct applet a = slot_applet(s);
    if (s->logged_in)
        (void)applet_forget(&a, 0x82);
    s->logged_in = false;
    (void)end(id, CKR_OK);
}

static CK_RV finalize(void *reserved)
{
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    if (reserved != NULL)
        return leave(CKR_ARGUMENTS_BAD);
    for (size_t i = 0; i < slots_count; i++) {
        log_out(i);
        readers[i] = slots[i].reader;
    }
    readers_leave(readers, slots_count);
    memset(readers, 0, sizeof readers);
    memset(slots, 0, sizeof slots);
    memset(sessions, 0, sizeof sessions);
    slots_count = 0;
    initialised = false;
    return leave(CKR_OK);
}

static void pad(CK_UTF8CHAR *field, size_t len, const char *text)
{
    size_t n = strlen(text);
    memset(field, ' ', len);
    memcpy(field, text, n < len ? n : len);
}

static CK_RV get_info(CK_INFO *out)
{
    *out = (CK_INFO){.cryptokiVersion = {2, 40}, .libraryVersion = {0, 1}};
    pad(out->manufacturerID, sizeof out->manufacturerID, "Zegel");
    pad(out->libraryDescription, sizeof out->libraryDescription, "Zegel token");
    return CKR_OK;
}

/* ---- slots */

static CK_RV look(void)
{
    size_t count = slots_count;
    for (size_t i = 0; i < count; i++)
        readers[i] = slots[i].reader;
    enum reader_result r = readers_look(readers, &count);
    for (; slots_count < count; slots_count++)
        slots[slots_count] = (struct slot){.reader = readers[slots_count]};
    return r == READER_FAULT ? CKR_DEVICE_ERROR : CKR_OK; /* no pcscd: no slots */
}

static bool is_there(CK_SLOT_ID id)
{
    return begin(id) == CKR_OK && end(id, CKR_OK) == CKR_OK;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_ULONG n = 0, room = *count;
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    if (list == NULL && (rv = look()) != CKR_OK)
        return leave(rv);
    for (CK_SLOT_ID i = 0; i < slots_count; i++) {
        if (present && !is_there(i))
            continue;
        if (list != NULL && n < room)
            list[n] = i;
        n++;
    }
    *count = n;
    return leave(list != NULL && n > room ? CKR_BUFFER_TOO_SMALL : CKR_OK);
}

static CK_RV get_slot_info(CK_SLOT_ID id, CK_SLOT_INFO *out)
{
    CK_RV rv = enter_slot(id);
    if (rv != CKR_OK)
        return rv;
    *out = (CK_SLOT_INFO){.flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT | (is_there(id) ? CKF_TOKEN_PRESENT : 0)};
    pad(out->slotDescription, sizeof out->slotDescription, slots[id].reader.name);
    pad(out->manufacturerID, sizeof out->manufacturerID, "Zegel");
    return leave(CKR_OK);
}

static CK_ULONG sessions_open(CK_SLOT_ID id)
{
    CK_ULONG n = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        n += sessions[i].open && sessions[i].slot == id;
    return n;
}

static CK_RV fill_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *out)
{
    struct applet a = slot_applet(&slots[id]);
    struct applet_info info = {0};
    CK_RV rv = slot_select(&slots[id]);
    if (rv == CKR_OK)
        rv = slot_rv(&slots[id], applet_info(&a, &info));
    if (rv != CKR_OK)
        return rv;
    *out = (CK_TOKEN_INFO){.flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED,
                           .ulMaxSessionCount = SESSIONS_MAX,
                           .ulSessionCount = sessions_open(id),
                           .ulMaxRwSessionCount = SESSIONS_MAX,
                           .ulRwSessionCount = CK_UNAVAILABLE_INFORMATION,
                           .ulMaxPinLen = PIN_LEN_MAX,
                           .ulMinPinLen = PIN_LEN_MIN,
                           .ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION,
                           .ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
                           .ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION,
                           .ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION};
    pad(out->label, sizeof out->label, "zegel");
    pad(out->manufacturerID, sizeof out->manufacturerID, "Zegel");
    pad(out->model, sizeof out->model, info.development ? "Zegel (devel.)" : "Zegel token");
    pad(out->serialNumber, sizeof out->serialNumber, info.serial);
    memset(out->utcTime, ' ', sizeof out->utcTime);
    return slot_pin_flags(&slots[id], &out->flags);
}

static CK_RV get_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *out)
{
    CK_RV rv = enter_slot(id);
    if (rv != CKR_OK)
        return rv;
    rv = begin(id);
    return leave(rv == CKR_OK ? end(id, fill_token_info(id, out)) : rv);
}

static const struct {
    CK_MECHANISM_TYPE type;
    CK_MECHANISM_INFO info;
} mechanisms[] = {{CKM_SHA256_RSA_PKCS, {2048, 4096, CKF_HW | CKF_SIGN}},
                  {CKM_RSA_PKCS, {2048, 4096, CKF_HW | CKF_SIGN}},
                  {CKM_EDDSA, {256, 256, CKF_HW | CKF_SIGN}},
                  {CKM_ZEGEL_EDDSA_SHA256, {256, 256, CKF_HW | CKF_SIGN}}};
enum { MECHANISMS = sizeof mechanisms / sizeof mechanisms[0] };

static CK_RV get_mechanism_list(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    CK_ULONG room = *count;
    CK_RV rv = enter_slot(id);
    if (rv != CKR_OK)
        return rv;
    *count = MECHANISMS;
    if (list != NULL && room < MECHANISMS)
        return leave(CKR_BUFFER_TOO_SMALL);
    for (size_t i = 0; list != NULL && i < MECHANISMS; i++)
        list[i] = mechanisms[i].type;
    return leave(CKR_OK);
}

static CK_RV get_mechanism_info(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *out)
{
    CK_RV rv = enter_slot(id);
    if (rv != CKR_OK)
        return rv;
    rv = CKR_MECHANISM_INVALID;
    for (size_t i = 0; rv == CKR_MECHANISM_INVALID && i < MECHANISMS; i++)
        if (mechanisms[i].type == type) {
            *out = mechanisms[i].info;
            rv = CKR_OK;
        }
    return leave(rv);
}

/* ---- sessions and the login */

static CK_RV open_session(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
    (void)application;
    (void)notify;
    size_t i = 0;
    CK_RV rv = enter_slot(id);
    if (rv != CKR_OK)
        return rv;
    if ((flags & CKF_SERIAL_SESSION) == 0)
        return leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    while (i < SESSIONS_MAX && sessions[i].open)
        i++;
    if (i == SESSIONS_MAX)
        return leave(CKR_SESSION_COUNT);
    rv = begin(id);
    if (rv == CKR_OK)
        rv = end(id, CKR_OK);
    if (rv == CKR_OK) {
        sessions[i] = (struct session){.open = true, .slot = id, .flags = flags};
        *out = i + 1;
    }
    return leave(rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv);
}

static CK_RV close_session(CK_SESSION_HANDLE h)
{
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    struct session *s = session_of(h);
    if (s == NULL)
        return leave(CKR_SESSION_HANDLE_INVALID);
    s->open = false;
    if (sessions_open(s->slot) == 0)
        log_out(s->slot);
    return leave(CKR_OK);
}

static CK_RV close_all_sessions(CK_SLOT_ID id)
{
    CK_RV rv = enter_slot(id);
    if (rv != CKR_OK)
        return rv;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i].slot == id)
            sessions[i].open = false;
    log_out(id);
    return leave(CKR_OK);
}

/* Enters with a session; on failure nothing is locked. */
static CK_RV enter_session(CK_SESSION_HANDLE h, struct session **out)
{
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    *out = session_of(h);
    return *out == NULL ? leave(CKR_SESSION_HANDLE_INVALID) : CKR_OK;
}

static CK_RV get_session_info(CK_SESSION_HANDLE h, CK_SESSION_INFO *out)
{
    struct session *s;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    bool rw = (s->flags & CKF_RW_SESSION) != 0, user = slots[s->slot].logged_in;
    *out = (CK_SESSION_INFO){.slotID = s->slot, .flags = s->flags};
    out->state =
        rw ? (user ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION) : (user ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION);
    return leave(CKR_OK);
}

static CK_RV verify_pin(struct slot *s, struct span pin)
{
    struct applet a = slot_applet(s);
    CK_RV rv = slot_select(s);
    if (rv != CKR_OK)
        return rv;
    unsigned sw = applet_verify(&a, 0x82, pin);
    s->logged_in = sw == SW_OK;
    s->have_keys = false;
    return sw == SW_WRONG_LENGTH || sw == SW_WRONG_DATA ? CKR_PIN_LEN_RANGE : slot_rv(s, sw);
}

static CK_RV login(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    struct session *s;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    if (user != CKU_USER || pin == NULL || len == 0 || len > PIN_LEN_MAX)
        return leave(user != CKU_USER ? CKR_USER_TYPE_INVALID : pin == NULL ? CKR_ARGUMENTS_BAD : CKR_PIN_LEN_RANGE);
    rv = begin(s->slot); /* may find that the login is lost */
    if (rv == CKR_OK)
        rv = end(s->slot, slots[s->slot].logged_in ? CKR_USER_ALREADY_LOGGED_IN : verify_pin(&slots[s->slot], span_of(pin, len)));
    return leave(rv);
}

static CK_RV logout(CK_SESSION_HANDLE h)
{
    struct session *s;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    if (!slots[s->slot].logged_in)
        return leave(CKR_USER_NOT_LOGGED_IN);
    log_out(s->slot);
    return leave(CKR_OK);
}

/* ---- objects */

static CK_RV read_keys(CK_SLOT_ID id)
{
    CK_RV rv = begin(id);
    return rv == CKR_OK ? end(id, slot_read_keys(&slots[id])) : rv;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE h, CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct session *s;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    if (s->finds)
        return leave(CKR_OPERATION_ACTIVE);
    rv = read_keys(s->slot);
    if (rv != CKR_OK)
        return leave(rv);
    const struct slot *t = &slots[s->slot];
    s->finds = true;
    s->found_count = s->found_at = 0;
    for (size_t i = 0; i < t->count; i++)
        for (int private = 0; private < 2; private ++)
            if ((private == 0 || t->logged_in) && object_matches(&t->keys[i], private == 1, template, count))
                s->found[s->found_count++] = object_handle(&t->keys[i], private == 1);
    return leave(CKR_OK);
}

static CK_RV find_objects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *count)
{
    struct session *s;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    for (*count = 0; s->finds && *count < max && s->found_at < s->found_count;)
        out[(*count)++] = s->found[s->found_at++];
    return leave(s->finds ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED);
}

static CK_RV find_objects_final(CK_SESSION_HANDLE h)
{
    struct session *s;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    rv = s->finds ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
    s->finds = false;
    return leave(rv);
}

/* The key behind a handle as far as this session may see it, or NULL. */
static const struct applet_key *key_of(const struct session *s, CK_OBJECT_HANDLE h, bool *private)
{
    const struct slot *t = &slots[s->slot];
    const struct applet_key *k = t->have_keys ? object_key(t->keys, t->count, h, private) : NULL;
    return k != NULL && *private && !t->logged_in ? NULL : k;
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct session *s;
    bool private = false;
    CK_RV rv = enter_session(h, &s), worst = CKR_OK;
    if (rv != CKR_OK)
        return rv;
    const struct applet_key *k = key_of(s, object, &private);
    if (k == NULL)
        return leave(CKR_OBJECT_HANDLE_INVALID);
    for (CK_ULONG i = 0; i < count; i++)
        if ((rv = object_attribute(k, private, &template[i])) != CKR_OK)
            worst = rv;
    return leave(worst);
}

/* ---- signing */

static CK_RV sign_init(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    struct session *s;
    bool private = false;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    if (!slots[s->slot].logged_in || s->signs)
        return leave(s->signs ? CKR_OPERATION_ACTIVE : CKR_USER_NOT_LOGGED_IN);
    const struct applet_key *k = key_of(s, key, &private);
    if (k == NULL || !private)
        return leave(CKR_KEY_HANDLE_INVALID);
    if (!object_signs_with(k, m->mechanism))
        return leave(CKR_MECHANISM_INVALID);
    s->signs = true;
    s->mechanism = m->mechanism;
    s->key = key;
    return leave(CKR_OK);
}

static CK_RV sign_with(struct slot *t, const struct applet_key *k, struct span data, CK_BYTE *out, CK_ULONG *out_len)
{
    uint8_t signature[APPLET_SIGNATURE_MAX];
    size_t len = 0;
    struct applet a = slot_applet(t);
    CK_RV rv = t->logged_in ? CKR_OK : CKR_USER_NOT_LOGGED_IN; /* lost in slot_begin */
    if (rv == CKR_OK)
        rv = slot_rv(t, k->policy == APPLET_BLIND ? applet_sign(&a, k->number, data, signature, &len)
                                                  : applet_sign_block(&a, k->number, data, signature, &len));
    if (rv == CKR_OK && len != object_signature_len(k))
        rv = CKR_DEVICE_ERROR;
    if (rv == CKR_OK) {
        memcpy(out, signature, len);
        *out_len = len;
    }
    return rv;
}

static CK_RV sign(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    struct session *s;
    bool private = false;
    CK_RV rv = enter_session(h, &s);
    if (rv != CKR_OK)
        return rv;
    if (!s->signs)
        return leave(CKR_OPERATION_NOT_INITIALIZED);
    const struct applet_key *k = key_of(s, s->key, &private);
    CK_ULONG room = *out_len;
    if (k != NULL)
        *out_len = object_signature_len(k);
    if (k != NULL && (out == NULL || room < *out_len))
        return leave(out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL);
    s->signs = false;
    if (k == NULL)
        return leave(slots[s->slot].logged_in ? CKR_KEY_HANDLE_INVALID : CKR_USER_NOT_LOGGED_IN);
    rv = begin(s->slot);
    if (rv == CKR_OK)
        rv = end(s->slot, sign_with(&slots[s->slot], k, span_of(data, len), out, out_len));
    return leave(rv);
}

/* ---- beyond PKCS#11: zegel token's way to the rest of the token's commands (extension.h) */

EXPORT CK_RV zegel_token_exchange(CK_SLOT_ID id, const uint8_t *command, CK_ULONG len, uint8_t *response, CK_ULONG *response_len)
{
    size_t got = *response_len;
    CK_RV rv = enter_slot(id);
    *response_len = 0;
    if (rv != CKR_OK)
        return rv;
    rv = begin(id);
    if (rv != CKR_OK)
        return leave(rv);
    struct applet a = slot_applet(&slots[id]);
    rv = a.send(a.arg, command, len, response, &got) ? CKR_OK : slot_rv(&slots[id], APPLET_LOST);
    if (rv == CKR_OK)
        *response_len = got;
    return leave(end(id, rv));
}

/* ---- the list. What is not in it is not there, and says so: every function's caller cleans up its own arguments. */

static CK_RV absent(void)
{
    return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_FUNCTION_LIST list = {
    .version = {2, 40},
    .C_Initialize = initialize,
    .C_Finalize = finalize,
    .C_GetInfo = get_info,
    .C_GetFunctionList = C_GetFunctionList,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismList = get_mechanism_list,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_CloseAllSessions = close_all_sessions,
    .C_GetSessionInfo = get_session_info,
    .C_Login = login,
    .C_Logout = logout,
    .C_GetAttributeValue = get_attribute_value,
    .C_FindObjectsInit = find_objects_init,
    .C_FindObjects = find_objects,
    .C_FindObjectsFinal = find_objects_final,
    .C_SignInit = sign_init,
    .C_Sign = sign,
};

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    CK_RV (*stub)(void) = absent, (*entry)(void);
    for (size_t at = offsetof(CK_FUNCTION_LIST, C_Initialize); at < sizeof list; at += sizeof entry) {
        memcpy(&entry, (char *)&list + at, sizeof entry);
        if (entry == NULL)
            memcpy((char *)&list + at, &stub, sizeof stub);
    }
    *out = &list;
    return CKR_OK;
}
