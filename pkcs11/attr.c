#include "pkcs11/attr.h"

#include "pkcs11/ckr.h"

/* CKR_GENERAL_ERROR and codes of their own: some tokens say that of an attribute they do not have, or cannot show. */
void attr_answered(struct attr_session s, CK_RV rv)
{
    if (s.lost == NULL || *s.lost != CKR_OK || rv == CKR_GENERAL_ERROR || rv >= CKR_VENDOR_DEFINED)
        return;
    switch (ckr_classify(rv)) {
    case CKR_CLASS_NEW_SESSION:
    case CKR_CLASS_STALE_HANDLE:
    case CKR_CLASS_TOKEN_GONE:
    case CKR_CLASS_LOGIN_AGAIN:
    case CKR_CLASS_MODULE_BROKEN: *s.lost = rv; break;
    case CKR_CLASS_OK:
    case CKR_CLASS_BUSY:
    case CKR_CLASS_KEY_UNUSABLE:
    case CKR_CLASS_PIN: break;
    }
}

struct bytes attr_get(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *room, size_t cap)
{
    CK_ATTRIBUTE a = {.type = type, .pValue = room, .ulValueLen = (CK_ULONG)cap};
    CK_RV rv = s.f->C_GetAttributeValue(s.session, o, &a, 1);
    attr_answered(s, rv);
    if (rv != CKR_OK || a.ulValueLen == CK_UNAVAILABLE_INFORMATION || a.ulValueLen > cap)
        return bytes_of(NULL, 0);
    return bytes_of(room, a.ulValueLen);
}

bool attr_get_ulong(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_ULONG *out)
{
    return attr_get(s, o, type, out, sizeof *out).len == sizeof *out;
}

int attr_get_bool(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL b;
    return attr_get(s, o, type, &b, sizeof b).len == sizeof b ? b != CK_FALSE : -1;
}

CK_RV attr_find(struct attr_session s, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count)
{
    CK_OBJECT_HANDLE beyond[8] = {0};
    *count = 0;
    CK_RV rv = s.f->C_FindObjectsInit(s.session, template, n);
    if (rv != CKR_OK)
        return rv;
    for (;;) {
        CK_ULONG got = 0;
        bool room = *count < max;
        rv = s.f->C_FindObjects(s.session, room ? found + *count : beyond, room ? max - *count : 8, &got);
        if (rv != CKR_OK || got == 0 || got > (room ? max - *count : 8))
            break;
        *count += got;
    }
    CK_RV end = s.f->C_FindObjectsFinal(s.session);
    return rv != CKR_OK ? rv : end;
}
