/* smtpdkey: preloaded into Debian 12's smtpd, which otherwise takes no TLS connection (OpenSMTPD#1171, "missing private key").
 * It marks the RSA key of its certificate as one that another process has; since OpenSSL 3 it marks a copy. Here the copy becomes
 * the key, as OpenSMTPD itself does it since 7.3. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

RSA *EVP_PKEY_get1_RSA(EVP_PKEY *key)
{
    RSA *(*real)(EVP_PKEY *) = (RSA * (*)(EVP_PKEY *)) dlsym(RTLD_NEXT, "EVP_PKEY_get1_RSA");
    RSA *rsa = real == NULL ? NULL : real(key);
    if (rsa != NULL)
        (void)EVP_PKEY_set1_RSA(key, rsa);
    return rsa;
}
