/* ckr: every CKR code has a name and says what to do next. Source: PKCS#11 v2.40 §11.1 and shared/reference/pkcs11.md. */
#ifndef ZEGEL_CKR_H
#define ZEGEL_CKR_H

#include "pkcs11/cryptoki.h"

enum ckr_class {
    CKR_CLASS_OK,
    CKR_CLASS_NEW_SESSION,  /* drop this session, try again on another */
    CKR_CLASS_STALE_HANDLE, /* find the key again, compare its public key, try again */
    CKR_CLASS_LOGIN_AGAIN,  /* the login was lost */
    CKR_CLASS_BUSY,         /* short pause, then again */
    CKR_CLASS_TOKEN_GONE,   /* poll the slots until it is back */
    CKR_CLASS_KEY_UNUSABLE, /* this key will never do this */
    CKR_CLASS_PIN,          /* never send this PIN again */
    CKR_CLASS_MODULE_BROKEN /* end this process, start a new one */
};

/* "CKR_PIN_INCORRECT"; for codes nobody named, "CKR_VENDOR_DEFINED 0x80000384" in a buffer of the calling thread. */
const char *ckr_name(CK_RV rv);
enum ckr_class ckr_classify(CK_RV rv);
/* What an operator should do about it: a short clause, e.g. "check the PIN, then run zegel token unlatch". */
const char *ckr_advice(CK_RV rv);
/* The class as one of ours (base/err.h). */
int ckr_to_err(CK_RV rv);

#endif
