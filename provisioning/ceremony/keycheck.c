#include "ceremony/keycheck.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "pkcs11/rsacheck.h"

int keycheck(struct bytes spki, enum plan_algorithm want, struct buf *why)
{
    const unsigned char *p = spki.data;
    const char *wrong = NULL;
    EVP_PKEY *key = spki.len == 0 ? NULL : d2i_PUBKEY(NULL, &p, (long)spki.len);
    if (key == NULL || p != spki.data + spki.len)
        wrong = "cannot be read";
    else if (EVP_PKEY_get_base_id(key) != (want == PLAN_ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_RSA))
        wrong = "is of another type than planned";
    else if (want != PLAN_ED25519 && EVP_PKEY_get_bits(key) != (int)plan_algorithm_bits(want))
        wrong = "has another size than planned";
    else if (want != PLAN_ED25519)
        wrong = rsa_weakness(spki);
    EVP_PKEY_free(key);
    if (wrong != NULL)
        buf_addf(why, "has a public key that is refused: %s", wrong);
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_KEY_UNUSABLE;
}
