#include "pkcs11/attr.h"

struct bytes attr_get(struct attr_session s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *room, size_t cap)
{
    CK_ATTRIBUTE a = {.type = type, .pValue = room, .ulValueLen = (CK_ULONG)cap};
    if (s.f->C_GetAttributeValue(s.session, o, &a, 1) != CKR_OK || a.ulValueLen == CK_UNAVAILABLE_INFORMATION ||
        a.ulValueLen > cap)
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
