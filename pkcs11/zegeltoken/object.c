#include "pkcs11/zegeltoken/object.h"

#include <stdio.h>

enum { VALUE_MAX = 600 };

CK_OBJECT_HANDLE object_handle(const struct applet_key *k, bool private)
{
    return (CK_OBJECT_HANDLE)k->id[0] << 24 | (CK_OBJECT_HANDLE)k->id[1] << 16 | (CK_OBJECT_HANDLE)k->number << 8 |
           (private ? 2U : 1U);
}

const struct applet_key *object_key(const struct applet_key *keys, size_t count, CK_OBJECT_HANDLE h, bool *private)
{
    for (size_t i = 0; i < count; i++) {
        *private = h == object_handle(&keys[i], true);
        if (*private || h == object_handle(&keys[i], false))
            return &keys[i];
    }
    return NULL;
}

bool object_signs_with(const struct applet_key *k, CK_MECHANISM_TYPE m)
{
    bool blind = k->policy == APPLET_BLIND;
    if (k->bits == 0)
        return m == (blind ? CKM_EDDSA : CKM_ZEGEL_EDDSA_SHA256);
    return m == (blind ? CKM_RSA_PKCS : CKM_SHA256_RSA_PKCS);
}

/* ---- values, each into the caller's room; the length, or -1: the object has no such attribute */

static long put(uint8_t *room, const void *data, size_t len)
{
    memcpy(room, data, len);
    return (long)len;
}

static long put_ulong(uint8_t *room, CK_ULONG v)
{
    return put(room, &v, sizeof v);
}

static long put_bool(uint8_t *room, bool v)
{
    room[0] = v ? CK_TRUE : CK_FALSE;
    return 1;
}

/* DOMAIN/SELECTOR; the domain alone when there is no selector; of what the OpenPGP application made, the slot's name. */
static long put_label(uint8_t *room, const struct applet_key *k)
{
    const char *first = k->domain[0] != '\0' ? k->domain : k->number == 1 ? "SIG" : k->number == 3 ? "AUT" : "blind";
    return snprintf((char *)room, VALUE_MAX, k->selector[0] != '\0' ? "%s/%s" : "%s", first, k->selector);
}

static long put_exponent(uint8_t *room, uint32_t e)
{
    long n = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        if (n > 0 || (e >> shift & 0xff) != 0)
            room[n++] = (uint8_t)(e >> shift);
    return n;
}

/* DER OCTET STRING */
static long put_point(uint8_t *room, const struct applet_key *k)
{
    room[0] = 0x04;
    room[1] = 32;
    return 2 + put(room + 2, k->public, 32);
}

static CK_MECHANISM_TYPE mechanism_of(const struct applet_key *k)
{
    static const CK_MECHANISM_TYPE all[] = {CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS, CKM_ZEGEL_EDDSA_SHA256, CKM_EDDSA};
    size_t i = 0;
    while (!object_signs_with(k, all[i]))
        i++;
    return all[i];
}

/* What differs between the halves. */
static long half_value(const struct applet_key *k, bool private, CK_ATTRIBUTE_TYPE type, uint8_t *room)
{
    switch (type) {
    case CKA_CLASS: return put_ulong(room, private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY);
    case CKA_PRIVATE: return put_bool(room, private);
    case CKA_VERIFY: return private ? -1 : put_bool(room, true);
    case CKA_SIGN:
    case CKA_SENSITIVE:
    case CKA_ALWAYS_SENSITIVE: return private ? put_bool(room, type != CKA_ALWAYS_SENSITIVE || k->generated) : -1;
    case CKA_NEVER_EXTRACTABLE: return private ? put_bool(room, k->generated && (k->flags & APPLET_MAY_LEAVE) == 0) : -1;
    case CKA_EXTRACTABLE:
    case CKA_SIGN_RECOVER:
    case CKA_DECRYPT:
    case CKA_UNWRAP: return private ? put_bool(room, false) : -1;
    case CKA_ENCRYPT:
    case CKA_WRAP: return private ? -1 : put_bool(room, false);
    case CKA_MODULUS_BITS: return private || k->bits == 0 ? -1 : put_ulong(room, k->bits);
    case CKA_ALLOWED_MECHANISMS: return private ? put_ulong(room, mechanism_of(k)) : -1;
    default: return -1;
    }
}

static long value(const struct applet_key *k, bool private, CK_ATTRIBUTE_TYPE type, uint8_t room[VALUE_MAX])
{
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70}; /* RFC 8410 §3 */
    switch (type) {
    case CKA_KEY_TYPE: return put_ulong(room, k->bits == 0 ? CKK_EC_EDWARDS : CKK_RSA);
    case CKA_ID: return put(room, k->id, sizeof k->id);
    case CKA_LABEL: return put_label(room, k);
    case CKA_TOKEN: return put_bool(room, true);
    case CKA_LOCAL: return put_bool(room, k->generated);
    case CKA_MODIFIABLE:
    case CKA_COPYABLE:
    case CKA_DERIVE: return put_bool(room, false);
    case CKA_MODULUS: return k->bits == 0 ? -1 : put(room, k->public, k->public_len);
    case CKA_PUBLIC_EXPONENT: return k->bits == 0 ? -1 : put_exponent(room, k->e);
    case CKA_EC_PARAMS: return k->bits != 0 ? -1 : put(room, ed25519, sizeof ed25519);
    case CKA_EC_POINT: return private || k->bits != 0 ? -1 : put_point(room, k);
    default: return half_value(k, private, type, room);
    }
}

CK_RV object_attribute(const struct applet_key *k, bool private, CK_ATTRIBUTE *a)
{
    uint8_t room[VALUE_MAX];
    bool secret = private && (a->type == CKA_VALUE || a->type == CKA_PRIVATE_EXPONENT ||
                              (a->type >= CKA_PRIME_1 && a->type <= CKA_COEFFICIENT));
    long len = secret ? -1 : value(k, private, a->type, room);
    CK_ULONG cap = a->ulValueLen;
    a->ulValueLen = len < 0 ? CK_UNAVAILABLE_INFORMATION : (CK_ULONG)len;
    if (len < 0)
        return secret ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
    if (a->pValue == NULL)
        return CKR_OK;
    if (cap < (CK_ULONG)len) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(a->pValue, room, (size_t)len);
    return CKR_OK;
}

/* A key of the OpenPGP application is also found by the CKA_ID that it has in OpenSC, so that one URI is good for both modules.
 */
static bool is_id_in_opensc(const struct applet_key *k, const CK_ATTRIBUTE *a)
{
    return a->type == CKA_ID && a->ulValueLen == 1 && (k->number == 1 || k->number == 3) &&
           *(const uint8_t *)a->pValue == k->number;
}

bool object_matches(const struct applet_key *k, bool private, const CK_ATTRIBUTE *template, CK_ULONG count)
{
    uint8_t room[VALUE_MAX];
    for (CK_ULONG i = 0; i < count; i++) {
        if (is_id_in_opensc(k, &template[i]))
            continue;
        long len = value(k, private, template[i].type, room);
        if (len < 0 || (CK_ULONG)len != template[i].ulValueLen || memcmp(room, template[i].pValue, (size_t)len) != 0)
            return false;
    }
    return true;
}
