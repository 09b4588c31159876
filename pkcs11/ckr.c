#include "pkcs11/ckr.h"

#include <stdio.h>

#include "base/err.h"
#include "core/reason.h"

struct ckr_entry {
    CK_RV rv;
    const char *name;
    enum ckr_class class;
};

#define C(name, class)                                                                                                           \
    {                                                                                                                            \
        name, #name, CKR_CLASS_##class                                                                                           \
    }

/* Signing has no side effects, so that whatever may be a passing fault is tried again. */
static const struct ckr_entry table[] = {
    C(CKR_OK, OK),
    C(CKR_CANCEL, BUSY),
    C(CKR_HOST_MEMORY, MODULE_BROKEN),
    C(CKR_SLOT_ID_INVALID, TOKEN_GONE),
    C(CKR_GENERAL_ERROR, NEW_SESSION), /* SoftHSM says it when a login goes from under a call: try again first */
    C(CKR_FUNCTION_FAILED, BUSY),      /* AWS CloudHSM says it when busy, OpenSC when a card will not */
    C(CKR_ARGUMENTS_BAD, KEY_UNUSABLE),
    C(CKR_NO_EVENT, BUSY),
    C(CKR_NEED_TO_CREATE_THREADS, MODULE_BROKEN),
    C(CKR_CANT_LOCK, MODULE_BROKEN),
    C(CKR_ATTRIBUTE_READ_ONLY, KEY_UNUSABLE),
    C(CKR_ATTRIBUTE_SENSITIVE, KEY_UNUSABLE),
    C(CKR_ATTRIBUTE_TYPE_INVALID, KEY_UNUSABLE),
    C(CKR_ATTRIBUTE_VALUE_INVALID, KEY_UNUSABLE),
    C(CKR_ACTION_PROHIBITED, KEY_UNUSABLE),
    C(CKR_DATA_INVALID, KEY_UNUSABLE),
    C(CKR_DATA_LEN_RANGE, KEY_UNUSABLE),
    C(CKR_DEVICE_ERROR, NEW_SESSION),
    C(CKR_DEVICE_MEMORY, BUSY),
    C(CKR_DEVICE_REMOVED, TOKEN_GONE),
    C(CKR_ENCRYPTED_DATA_INVALID, KEY_UNUSABLE),
    C(CKR_ENCRYPTED_DATA_LEN_RANGE, KEY_UNUSABLE),
    C(CKR_FUNCTION_CANCELED, BUSY),
    C(CKR_FUNCTION_NOT_PARALLEL, KEY_UNUSABLE),
    C(CKR_FUNCTION_NOT_SUPPORTED, KEY_UNUSABLE),
    C(CKR_KEY_HANDLE_INVALID, STALE_HANDLE),
    C(CKR_KEY_SIZE_RANGE, KEY_UNUSABLE),
    C(CKR_KEY_TYPE_INCONSISTENT, KEY_UNUSABLE),
    C(CKR_KEY_NOT_NEEDED, KEY_UNUSABLE),
    C(CKR_KEY_CHANGED, STALE_HANDLE),
    C(CKR_KEY_NEEDED, KEY_UNUSABLE),
    C(CKR_KEY_INDIGESTIBLE, KEY_UNUSABLE),
    C(CKR_KEY_FUNCTION_NOT_PERMITTED, KEY_UNUSABLE),
    C(CKR_KEY_NOT_WRAPPABLE, KEY_UNUSABLE),
    C(CKR_KEY_UNEXTRACTABLE, KEY_UNUSABLE),
    C(CKR_MECHANISM_INVALID, KEY_UNUSABLE),
    C(CKR_MECHANISM_PARAM_INVALID, KEY_UNUSABLE),
    C(CKR_OBJECT_HANDLE_INVALID, STALE_HANDLE),
    C(CKR_OPERATION_ACTIVE, NEW_SESSION),
    C(CKR_OPERATION_NOT_INITIALIZED, NEW_SESSION),
    C(CKR_PIN_INCORRECT, PIN),
    C(CKR_PIN_INVALID, PIN),
    C(CKR_PIN_LEN_RANGE, PIN),
    C(CKR_PIN_EXPIRED, PIN),
    C(CKR_PIN_LOCKED, PIN),
    C(CKR_SESSION_CLOSED, NEW_SESSION),
    C(CKR_SESSION_COUNT, BUSY),
    C(CKR_SESSION_HANDLE_INVALID, NEW_SESSION),
    C(CKR_SESSION_PARALLEL_NOT_SUPPORTED, KEY_UNUSABLE),
    C(CKR_SESSION_READ_ONLY, KEY_UNUSABLE),
    C(CKR_SESSION_EXISTS, BUSY),
    C(CKR_SESSION_READ_ONLY_EXISTS, KEY_UNUSABLE),
    C(CKR_SESSION_READ_WRITE_SO_EXISTS, KEY_UNUSABLE),
    C(CKR_SIGNATURE_INVALID, KEY_UNUSABLE),
    C(CKR_SIGNATURE_LEN_RANGE, KEY_UNUSABLE),
    C(CKR_TEMPLATE_INCOMPLETE, KEY_UNUSABLE),
    C(CKR_TEMPLATE_INCONSISTENT, KEY_UNUSABLE),
    C(CKR_TOKEN_NOT_PRESENT, TOKEN_GONE),
    C(CKR_TOKEN_NOT_RECOGNIZED, TOKEN_GONE),
    C(CKR_TOKEN_WRITE_PROTECTED, KEY_UNUSABLE),
    C(CKR_UNWRAPPING_KEY_HANDLE_INVALID, KEY_UNUSABLE),
    C(CKR_UNWRAPPING_KEY_SIZE_RANGE, KEY_UNUSABLE),
    C(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, KEY_UNUSABLE),
    C(CKR_USER_ALREADY_LOGGED_IN, OK),
    C(CKR_USER_NOT_LOGGED_IN, LOGIN_AGAIN),
    C(CKR_USER_PIN_NOT_INITIALIZED, PIN),
    C(CKR_USER_TYPE_INVALID, PIN),
    C(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, BUSY),
    C(CKR_USER_TOO_MANY_TYPES, BUSY),
    C(CKR_WRAPPED_KEY_INVALID, KEY_UNUSABLE),
    C(CKR_WRAPPED_KEY_LEN_RANGE, KEY_UNUSABLE),
    C(CKR_WRAPPING_KEY_HANDLE_INVALID, KEY_UNUSABLE),
    C(CKR_WRAPPING_KEY_SIZE_RANGE, KEY_UNUSABLE),
    C(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, KEY_UNUSABLE),
    C(CKR_RANDOM_SEED_NOT_SUPPORTED, KEY_UNUSABLE),
    C(CKR_RANDOM_NO_RNG, KEY_UNUSABLE),
    C(CKR_DOMAIN_PARAMS_INVALID, KEY_UNUSABLE),
    C(CKR_CURVE_NOT_SUPPORTED, KEY_UNUSABLE),
    C(CKR_BUFFER_TOO_SMALL, KEY_UNUSABLE),
    C(CKR_SAVED_STATE_INVALID, NEW_SESSION),
    C(CKR_INFORMATION_SENSITIVE, KEY_UNUSABLE),
    C(CKR_STATE_UNSAVEABLE, KEY_UNUSABLE),
    C(CKR_CRYPTOKI_NOT_INITIALIZED, MODULE_BROKEN),
    C(CKR_CRYPTOKI_ALREADY_INITIALIZED, OK),
    C(CKR_MUTEX_BAD, MODULE_BROKEN),
    C(CKR_MUTEX_NOT_LOCKED, MODULE_BROKEN),
    C(CKR_FUNCTION_REJECTED, KEY_UNUSABLE),
};

static const struct ckr_entry *find(CK_RV rv)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].rv == rv)
            return &table[i];
    return NULL;
}

/* The Zegel token's reason for not signing a header block; 0: it is not that. */
static unsigned refusal(CK_RV rv)
{
    return rv > CKR_ZEGEL_REFUSED && rv <= CKR_ZEGEL_REFUSED + 0x7f ? (unsigned)(rv - CKR_ZEGEL_REFUSED) : 0;
}

const char *ckr_name(CK_RV rv)
{
    static _Thread_local char text[160];
    const struct ckr_entry *e = find(rv);
    const char *why = refusal(rv) != 0 ? reason_text((enum reason)refusal(rv)) : NULL;
    if (e != NULL)
        return e->name;
    if (refusal(rv) != 0)
        (void)snprintf(text, sizeof text, "the token refuses the header block%s%s", why != NULL ? ": " : "",
                       why != NULL ? why : "");
    else
        (void)snprintf(text, sizeof text, "%s 0x%08lx", rv >= CKR_VENDOR_DEFINED ? "CKR_VENDOR_DEFINED" : "an unknown CKR code",
                       rv);
    return text;
}

enum ckr_class ckr_classify(CK_RV rv)
{
    const struct ckr_entry *e = find(rv);
    if (refusal(rv) != 0) /* its own rules; the same block is refused again */
        return CKR_CLASS_KEY_UNUSABLE;
    return e != NULL ? e->class : CKR_CLASS_NEW_SESSION; /* vendor codes: mostly a lost channel */
}

const char *ckr_advice(CK_RV rv)
{
    if (refusal(rv) != 0)
        return "its key is bound to domain, selector and limits for ever: see zegel token info";
    switch (ckr_classify(rv)) {
    case CKR_CLASS_OK: return "nothing to do";
    case CKR_CLASS_NEW_SESSION:
    case CKR_CLASS_STALE_HANDLE:
    case CKR_CLASS_LOGIN_AGAIN:
    case CKR_CLASS_BUSY: return "it is tried again by itself; if it stays, look at the token";
    case CKR_CLASS_TOKEN_GONE: return "plug the token in or reach it again";
    case CKR_CLASS_KEY_UNUSABLE: return "check the key's attributes with zegel key show";
    case CKR_CLASS_PIN: return "check the PIN, then run zegel token unlatch";
    case CKR_CLASS_MODULE_BROKEN: return "the module is loaded anew; if it stays, look at its own log";
    }
    return "";
}

int ckr_to_err(CK_RV rv)
{
    switch (ckr_classify(rv)) {
    case CKR_CLASS_OK: return ZEGEL_OK;
    case CKR_CLASS_NEW_SESSION:
    case CKR_CLASS_LOGIN_AGAIN:
    case CKR_CLASS_BUSY: return ZEGEL_ERR_BUSY;
    case CKR_CLASS_STALE_HANDLE: return ZEGEL_ERR_KEY_GONE;
    case CKR_CLASS_TOKEN_GONE: return ZEGEL_ERR_TOKEN_GONE;
    case CKR_CLASS_KEY_UNUSABLE: return ZEGEL_ERR_KEY_UNUSABLE;
    case CKR_CLASS_PIN: return ZEGEL_ERR_PIN;
    case CKR_CLASS_MODULE_BROKEN: return ZEGEL_ERR_MODULE;
    }
    return ZEGEL_ERR_MODULE;
}
