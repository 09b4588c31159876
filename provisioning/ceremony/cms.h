/* cms: detached signatures (RFC 5652) by one pinned certificate. No CA, no certificate inside, nothing unsigned that could vary.
 */
#ifndef ZEGEL_CEREMONY_CMS_H
#define ZEGEL_CEREMONY_CMS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"

/* DER of a SignedData over `content`, SHA-256, with a signing time. `key` may live on a card. */
int cms_sign(EVP_PKEY *key, X509 *certificate, struct bytes content, struct buf *der, struct buf *why);
/* Is it `certificate`'s signature, and only that, over `content`? ZEGEL_ERR_BAD_SIGNATURE and the reason if not.
 * *signed_s: the signing time it claims, -1 when none. */
int cms_verify(const char *name, struct bytes content, struct bytes der, X509 *certificate, int64_t *signed_s, struct buf *why);

#endif
