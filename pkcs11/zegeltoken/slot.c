#include "pkcs11/zegeltoken/slot.h"

static bool exchange(void *arg, const uint8_t *command, size_t len, uint8_t *response, size_t *response_len)
{
    struct slot *s = arg;
    s->last = reader_exchange(&s->reader, command, len, response, response_len);
    return s->last == READER_OK;
}

struct applet slot_applet(struct slot *s)
{
    return (struct applet){exchange, s};
}

static void forget(struct slot *s)
{
    s->logged_in = false;
    s->have_keys = false;
}

static CK_RV reader_rv(struct slot *s, enum reader_result r, bool was_there)
{
    if (r != READER_OK)
        forget(s);
    switch (r) {
    case READER_OK: return CKR_OK;
    case READER_GONE: return was_there ? CKR_DEVICE_REMOVED : CKR_TOKEN_NOT_PRESENT;
    case READER_RESET: return CKR_USER_NOT_LOGGED_IN;
    case READER_FAULT: break;
    }
    return CKR_DEVICE_ERROR;
}

/* Another process of ours may have selected the application already, and be logged in: SELECT would throw it out. */
CK_RV slot_select(struct slot *s)
{
    struct applet a = slot_applet(s);
    struct applet_info info = {0};
    unsigned sw = applet_info(&a, &info);
    if (sw != SW_OK && sw != APPLET_LOST) {
        forget(s);
        sw = applet_select(&a);
    }
    return sw == SW_FILE_NOT_FOUND ? CKR_TOKEN_NOT_RECOGNIZED : slot_rv(s, sw);
}

CK_RV slot_begin(struct slot *s)
{
    bool was_there = s->reader.connected, fresh;
    CK_RV rv = reader_rv(s, reader_begin(&s->reader, &fresh), was_there);
    if (rv != CKR_OK || !fresh)
        return rv;
    forget(s);
    rv = slot_select(s);
    if (rv != CKR_OK)
        slot_end(s);
    return rv;
}

void slot_end(struct slot *s)
{
    reader_end(&s->reader);
}

/* Another program selected another application: ours again, and nobody is logged in. */
static CK_RV lost_selection(struct slot *s)
{
    struct applet a = slot_applet(s);
    forget(s);
    return applet_select(&a) == SW_OK ? CKR_USER_NOT_LOGGED_IN : CKR_DEVICE_ERROR;
}

CK_RV slot_rv(struct slot *s, unsigned sw)
{
    switch (sw) {
    case APPLET_LOST: return reader_rv(s, s->last == READER_OK ? READER_FAULT : s->last, true);
    case SW_OK: return CKR_OK;
    case SW_SECURITY: s->logged_in = false; return CKR_USER_NOT_LOGGED_IN;
    case SW_INS:
    case SW_CLA: return lost_selection(s);
    case SW_BLOCKED: return CKR_PIN_LOCKED;
    case SW_WRONG_LENGTH: return CKR_DATA_LEN_RANGE;
    case SW_CONDITIONS: return CKR_KEY_FUNCTION_NOT_PERMITTED;
    case SW_NOT_FOUND: s->have_keys = false; return CKR_KEY_HANDLE_INVALID;
    case SW_MEMORY_FAILURE: return CKR_DEVICE_MEMORY;
    default: break;
    }
    if ((sw & 0xfff0U) == SW_TRIES)
        return CKR_PIN_INCORRECT;
    return (sw & 0xff00U) == SW_DKIM_REFUSED ? CKR_ZEGEL_REFUSED | (sw & 0xffU) : CKR_DEVICE_ERROR;
}

CK_RV slot_read_keys(struct slot *s)
{
    struct applet a = slot_applet(s);
    struct applet_info info = {0};
    CK_RV rv = slot_select(s);
    if (rv == CKR_OK)
        rv = slot_rv(s, applet_info(&a, &info));
    if (rv == CKR_OK && s->have_keys && memcmp(s->keys_head, info.log_head, sizeof s->keys_head) == 0)
        return CKR_OK;
    memcpy(s->keys_head, info.log_head, sizeof s->keys_head);
    s->count = 0;
    for (size_t i = 0; rv == CKR_OK && i < info.count; i++)
        rv = slot_rv(s, applet_key_info(&a, info.numbers[i], &s->keys[s->count++]));
    s->have_keys = rv == CKR_OK;
    if (rv != CKR_OK)
        s->count = 0;
    return rv;
}

CK_RV slot_pin_flags(struct slot *s, CK_FLAGS *flags)
{
    struct applet a = slot_applet(s);
    unsigned sw = applet_verify(&a, 0x82, span_of(NULL, 0));
    if (sw == SW_BLOCKED)
        *flags |= CKF_USER_PIN_LOCKED;
    else if ((sw & 0xfff0U) == SW_TRIES)
        *flags |= (sw & 0xf) == 1 ? CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW : (sw & 0xf) < 3 ? CKF_USER_PIN_COUNT_LOW : 0;
    else if (sw != SW_OK)
        return slot_rv(s, sw);
    return CKR_OK;
}
