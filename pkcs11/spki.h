/* spki: a public object's attributes as a DER SubjectPublicKeyInfo (RFC 5280 §4.1, RFC 8410 §4). Tokens disagree about
 * how Ed25519 looks: points raw or in an OCTET STRING, curves as OID, GnuPG's OID or PrintableString. All are read. */
#ifndef ZEGEL_SPKI_H
#define ZEGEL_SPKI_H

#include "base/bytes.h"

/* Length of what stands in `out`, 0 when it does not fit or makes no sense. */
size_t spki_rsa(struct bytes modulus, struct bytes exponent, uint8_t *out, size_t cap);
size_t spki_ed25519(struct bytes ec_params, struct bytes ec_point, uint8_t *out, size_t cap);

#endif
