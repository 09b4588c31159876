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

#endif
