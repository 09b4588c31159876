/* object: a key of the token as two objects of PKCS#11. Its handle (32 bits) says which half, which number and the front of the
 * key's id: one of a key that was replaced fits no more. Pure. */
#ifndef ZEGEL_ZEGELTOKEN_OBJECT_H
#define ZEGEL_ZEGELTOKEN_OBJECT_H

#include "pkcs11/cryptoki.h"
#include "pkcs11/zegeltoken/applet.h"

CK_OBJECT_HANDLE object_handle(const struct applet_key *k, bool private);
/* The key, or NULL; *private says which half. */
const struct applet_key *object_key(const struct applet_key *keys, size_t count, CK_OBJECT_HANDLE h, bool *private);
/* C_GetAttributeValue of one attribute. */
CK_RV object_attribute(const struct applet_key *k, bool private, CK_ATTRIBUTE *a);
bool object_matches(const struct applet_key *k, bool private, const CK_ATTRIBUTE *template, CK_ULONG count);
/* How this key signs: blocks it checks itself, or, when its policy is blind, what it is given. */
bool object_signs_with(const struct applet_key *k, CK_MECHANISM_TYPE m);
static inline size_t object_signature_len(const struct applet_key *k)
{
    return k->bits == 0 ? 64 : k->bits / 8;
}

#endif
