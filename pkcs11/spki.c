#include "pkcs11/spki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

static size_t encode(EVP_PKEY *pkey, uint8_t *out, size_t cap)
{
    unsigned char *der = NULL;
    int len = pkey == NULL ? -1 : i2d_PUBKEY(pkey, &der);
    size_t n = len > 0 && (size_t)len <= cap ? (size_t)len : 0;
    if (n > 0)
        memcpy(out, der, n);
    OPENSSL_free(der);
    return n;
}

size_t spki_rsa(struct bytes modulus, struct bytes exponent, uint8_t *out, size_t cap)
{
    BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.len, NULL), *e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;
    size_t len = 0;
    if (n != NULL && e != NULL && build != NULL && ctx != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 && (params = OSSL_PARAM_BLD_to_param(build)) != NULL &&
        EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1)
        len = encode(pkey, out, cap);
    EVP_PKEY_free(pkey);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return len;
}

static bool is_edwards25519(struct bytes params)
{
    static const uint8_t rfc8410[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static const uint8_t gnupg[] = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01};
    return bytes_eq(params, bytes_of(rfc8410, sizeof rfc8410)) || bytes_eq(params, bytes_of(gnupg, sizeof gnupg)) ||
           bytes_eq(params, BYTES_LIT("\x13\x0c"
                                      "edwards25519"));
}

size_t spki_ed25519(struct bytes ec_params, struct bytes ec_point, uint8_t *out, size_t cap)
{
    if (!is_edwards25519(ec_params))
        return 0;
    if (ec_point.len == 34 && ec_point.data[0] == 0x04 && ec_point.data[1] == 32)
        ec_point = bytes_slice(ec_point, 2, 34); /* DER OCTET STRING */
    else if (ec_point.len == 35 && ec_point.data[0] == 0x03 && ec_point.data[1] == 33 && ec_point.data[2] == 0)
        ec_point = bytes_slice(ec_point, 3, 35); /* DER BIT STRING, PKCS#11 v3.0 */
    if (ec_point.len != 32)
        return 0;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, ec_point.data, ec_point.len);
    size_t len = encode(pkey, out, cap);
    EVP_PKEY_free(pkey);
    return len;
}
