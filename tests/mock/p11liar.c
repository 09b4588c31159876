/* p11liar.so: a module that lies about one thing, in front of a real one (P11LIAR_MODULE). P11LIAR_LIE:
 *
 * destroy      C_DestroyObject does nothing and says that it did
 * extractable  private keys are made extractable, whatever the template says; asked, it says so
 * innocent     the same, but asked, it says what the template said: nobody can find that out through PKCS#11
 * public       RSA public keys are shown with one bit changed
 * long         C_WrapKey says that it wrote more than there was room for
 * again        each RSA key is really the one of the label P11LIAR_TWIN: it is shown, and it signs */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *real, mine;
static CK_OBJECT_HANDLE twin;

static bool lies(const char *lie)
{
    const char *mode = getenv("P11LIAR_LIE");
    return mode != NULL && strcmp(mode, lie) == 0;
}

static CK_RV liar_DestroyObject(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
    return lies("destroy") ? CKR_OK : real->C_DestroyObject(s, o);
}

static CK_RV liar_GenerateKeyPair(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *public, CK_ULONG publics,
                                  CK_ATTRIBUTE *private, CK_ULONG privates, CK_OBJECT_HANDLE *a, CK_OBJECT_HANDLE *b)
{
    static CK_BBOOL yes = CK_TRUE;
    for (CK_ULONG i = 0; i < privates; i++)
        if (private[i].type == CKA_EXTRACTABLE && (lies("extractable") || lies("innocent")))
    private[i].pValue = &yes;
    return real->C_GenerateKeyPair(s, m, public, publics, private, privates, a, b);
}

/* The private key that stands for all others, looked up in a session of its own; 0 when it is not there yet. */
static CK_OBJECT_HANDLE find_twin(CK_SESSION_HANDLE like)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    const char *label = getenv("P11LIAR_TWIN");
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_LABEL, (void *)(uintptr_t)label, label == NULL ? 0 : strlen(label)}};
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE s;
    CK_ULONG count = 0;
    if (twin != 0 || label == NULL || real->C_GetSessionInfo(like, &info) != CKR_OK ||
        real->C_OpenSession(info.slotID, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
        return twin;
    if (real->C_FindObjectsInit(s, template, 2) == CKR_OK) {
        if (real->C_FindObjects(s, &twin, 1, &count) != CKR_OK || count == 0)
            twin = 0;
        (void)real->C_FindObjectsFinal(s);
    }
    (void)real->C_CloseSession(s);
    return twin;
}

static void bend(CK_ATTRIBUTE *a)
{
    CK_BBOOL *said = a->pValue;
    if (said == NULL || a->ulValueLen == CK_UNAVAILABLE_INFORMATION)
        return;
    if (lies("innocent") && a->type == CKA_EXTRACTABLE)
        *said = CK_FALSE;
    if (lies("innocent") && a->type == CKA_NEVER_EXTRACTABLE)
        *said = CK_TRUE;
    if (lies("public") && a->type == CKA_MODULUS)
        said[a->ulValueLen / 2] ^= 1;
}

static CK_RV liar_GetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *template, CK_ULONG count)
{
    bool other = count > 0 && template[0].type == CKA_MODULUS && lies("again") && find_twin(s) != 0;
    CK_RV rv = real->C_GetAttributeValue(s, other ? twin : o, template, count);
    for (CK_ULONG i = 0; i < count; i++)
        bend(&template[i]);
    return rv;
}

static CK_RV liar_SignInit(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return real->C_SignInit(s, m, lies("again") && find_twin(s) != 0 ? twin : key);
}

static CK_RV liar_WrapKey(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, CK_BYTE *out,
                          CK_ULONG *len)
{
    CK_ULONG room = *len;
    CK_RV rv = real->C_WrapKey(s, m, with, key, out, len);
    if (rv == CKR_OK && lies("long"))
        *len = room << 20;
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    CK_C_GetFunctionList get;
    const char *path = getenv("P11LIAR_MODULE");
    void *handle = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle == NULL ? NULL : dlsym(handle, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof get);
    if (symbol == NULL || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    mine = *real;
    mine.C_DestroyObject = liar_DestroyObject;
    mine.C_GenerateKeyPair = liar_GenerateKeyPair;
    mine.C_GetAttributeValue = liar_GetAttributeValue;
    mine.C_SignInit = liar_SignInit;
    mine.C_WrapKey = liar_WrapKey;
    *list = &mine;
    return CKR_OK;
}
