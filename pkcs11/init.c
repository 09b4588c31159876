#include "pkcs11/init.h"

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/ckr.h"
#include "pkcs11/token.h"

enum { SLOTS_MAX = 256, WITHIN_MS = 20000 };

static int failed(const char *call, const char *label, CK_RV rv, struct buf *why)
{
    buf_addf(why, "token %s: %s: %s", label, call, ckr_name(rv));
    return ckr_to_err(rv) == ZEGEL_OK ? ZEGEL_ERR_MODULE : ckr_to_err(rv);
}

static int find_free(struct module *m, const char *label, CK_SLOT_ID *slot, struct buf *why)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_TOKEN_INFO info;
    char have[33];
    bool found = false;
    CK_RV rv = m->f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return failed("C_GetSlotList", label, rv, why);
    for (CK_ULONG i = 0; i < count; i++) {
        if (m->f->C_GetTokenInfo(slots[i], &info) != CKR_OK)
            continue;
        token_label(&info, have);
        if ((info.flags & CKF_TOKEN_INITIALIZED) == 0 && !found) {
            *slot = slots[i];
            found = true;
        } else if ((info.flags & CKF_TOKEN_INITIALIZED) != 0 && strcmp(have, label) == 0) {
            buf_addf(why, "token %s: exists in %s already; nothing was changed", label, m->path);
            return ZEGEL_ERR_EXISTS;
        }
    }
    if (!found)
        buf_addf(why, "token %s: no slot of %s holds an uninitialised token", label, m->path);
    return found ? ZEGEL_OK : ZEGEL_ERR_TOKEN_GONE;
}

/* Initialising may move the token to another slot (SoftHSM does): find it by its label. */
static int find_labelled(struct module *m, const char *label, CK_SLOT_ID *slot, CK_TOKEN_INFO *info, struct buf *why)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = 0;
    char have[33];
    (void)m->f->C_GetSlotList(CK_TRUE, NULL, &count); /* makes SoftHSM look again */
    count = SLOTS_MAX;
    CK_RV rv = m->f->C_GetSlotList(CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        if (m->f->C_GetTokenInfo(slots[i], info) != CKR_OK)
            continue;
        token_label(info, have);
        if (strcmp(have, label) == 0) {
            *slot = slots[i];
            return ZEGEL_OK;
        }
    }
    buf_addf(why, "token %s: initialised, and then not found again", label);
    return ZEGEL_ERR_TOKEN_GONE;
}

static CK_RV set_pin(struct module *m, CK_SLOT_ID slot, struct bytes so_pin, struct bytes pin, const char **call)
{
    CK_SESSION_HANDLE session;
    *call = "C_OpenSession";
    CK_RV rv = m->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK)
        return rv;
    *call = "login as security officer";
    rv = m->f->C_Login(session, CKU_SO, (CK_UTF8CHAR *)(uintptr_t)so_pin.data, so_pin.len);
    if (rv == CKR_OK) {
        *call = "C_InitPIN";
        rv = m->f->C_InitPIN(session, (CK_UTF8CHAR *)(uintptr_t)pin.data, pin.len);
        (void)m->f->C_Logout(session);
    }
    (void)m->f->C_CloseSession(session);
    return rv;
}

int token_init(struct module *m, const char *label, struct bytes so_pin, struct bytes pin, char serial[17], struct buf *why)
{
    CK_UTF8CHAR padded[32];
    CK_TOKEN_INFO info;
    CK_SLOT_ID slot = 0;
    const char *call;
    if (strlen(label) == 0 || strlen(label) > sizeof padded) {
        buf_addf(why, "token label %.40s: must have 1 to 32 octets", label);
        return ZEGEL_ERR_USAGE;
    }
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    int err = find_free(m, label, &slot, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = m->f->C_InitToken(slot, (CK_UTF8CHAR *)(uintptr_t)so_pin.data, so_pin.len, padded);
    if (rv != CKR_OK)
        return failed("C_InitToken", label, rv, why);
    err = find_labelled(m, label, &slot, &info, why);
    if (err != ZEGEL_OK)
        return err;
    rv = set_pin(m, slot, so_pin, pin, &call);
    if (rv != CKR_OK)
        return failed(call, label, rv, why);
    memcpy(serial, info.serialNumber, 16);
    serial[16] = '\0';
    for (size_t n = 16; n > 0 && serial[n - 1] == ' '; n--)
        serial[n - 1] = '\0';
    return ZEGEL_OK;
}

int token_change_pin(struct token *t, struct bytes old, struct bytes fresh, struct buf *why)
{
    CK_SESSION_HANDLE session;
    uint64_t epoch;
    if (fresh.len < t->info.ulMinPinLen || fresh.len > t->info.ulMaxPinLen) {
        buf_addf(why, "token %s: takes PINs of %lu to %lu characters", t->cfg.name, t->info.ulMinPinLen, t->info.ulMaxPinLen);
        return ZEGEL_ERR_REFUSED;
    }
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = t->module->f->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)old.data, old.len, (CK_UTF8CHAR *)(uintptr_t)fresh.data,
                                      fresh.len);
    token_release(t, session, epoch, rv);
    return rv == CKR_OK ? ZEGEL_OK : failed("C_SetPIN", t->cfg.name, rv, why);
}
