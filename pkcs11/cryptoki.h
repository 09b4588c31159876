/* cryptoki: the one place that says where Cryptoki's types come from (p11-kit's headers), and what they lack. */
#ifndef ZEGEL_CRYPTOKI_H
#define ZEGEL_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

#ifndef CKA_COPYABLE
#define CKA_COPYABLE 0x171UL
#endif
#ifndef CKA_DESTROYABLE
#define CKA_DESTROYABLE 0x172UL
#endif

/* The Zegel token's own (pkcs11/zegeltoken): Ed25519 over the SHA-256 of the data (RFC 8463 §3), which the token computes. And
 * its answer when it will not sign a header block: the low octet is the reason of firmware/core/reason.h. */
#define CKM_ZEGEL_EDDSA_SHA256 (CKM_VENDOR_DEFINED | 0x5a474c01UL)
#define CKR_ZEGEL_REFUSED (CKR_VENDOR_DEFINED | 0x5a474c00UL)

#endif
