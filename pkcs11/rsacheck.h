/* rsacheck: RSA public keys that should never sign: too short, odd exponents, and moduli that can be factored. Pure. */
#ifndef ZEGEL_RSACHECK_H
#define ZEGEL_RSACHECK_H

#include "base/bytes.h"

/* NULL when nothing is found; otherwise one static clause. `spki`: DER SubjectPublicKeyInfo of an RSA key. */
const char *rsa_weakness(struct bytes spki);

#endif
