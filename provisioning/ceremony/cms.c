#include "ceremony/cms.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <time.h>

#include "base/err.h"

static const char *openssl_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text == NULL ? "no reason given" : text;
}

int cms_sign(EVP_PKEY *key, X509 *certificate, struct bytes content, struct buf *der, struct buf *why)
{
    unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NOCERTS | CMS_NOSMIMECAP;
    unsigned char *encoded = NULL;
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, flags | CMS_PARTIAL);
    bool ok = cms != NULL && CMS_add1_signer(cms, certificate, key, EVP_sha256(), flags) != NULL &&
              CMS_final(cms, in, NULL, flags) == 1;
    int len = ok ? i2d_CMS_ContentInfo(cms, &encoded) : -1;
    if (len > 0)
        buf_add(der, bytes_of(encoded, (size_t)len));
    else
        buf_addf(why, "no signature was made: %s", openssl_reason());
    OPENSSL_free(encoded);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    return len > 0 ? ZEGEL_OK : ZEGEL_ERR_KEY_UNUSABLE;
}

static int64_t signing_time(CMS_SignerInfo *si)
{
    struct tm tm;
    const ASN1_TYPE *t = CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_signingTime), -3, V_ASN1_UTCTIME);
    if (t == NULL || ASN1_TIME_to_tm((const ASN1_TIME *)t, &tm) != 1)
        return -1;
    return timegm(&tm);
}

/* OpenSSL compares names without regard to case and string type; here every octet counts. */
static bool same_issuer(CMS_SignerInfo *si, X509 *certificate)
{
    X509_NAME *issuer = NULL;
    unsigned char *have = NULL, *want = NULL;
    if (CMS_SignerInfo_get0_signer_id(si, NULL, &issuer, NULL) != 1 || issuer == NULL)
        return false;
    int have_len = i2d_X509_NAME(issuer, &have), want_len = i2d_X509_NAME(X509_get_issuer_name(certificate), &want);
    bool same = have_len > 0 && have_len == want_len && memcmp(have, want, (size_t)have_len) == 0;
    OPENSSL_free(have);
    OPENSSL_free(want);
    return same;
}

/* OpenSSL goes by the key and does not look at the algorithm that stands there. */
static bool same_algorithm(const X509_ALGOR *a, X509 *certificate)
{
    const ASN1_OBJECT *oid;
    int parameter;
    bool rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_RSA;
    X509_ALGOR_get0(&oid, &parameter, NULL, a);
    return OBJ_obj2nid(oid) == (rsa ? NID_rsaEncryption : NID_ecdsa_with_SHA256) &&
           parameter == (rsa ? V_ASN1_NULL : V_ASN1_UNDEF);
}

/* One signer, by the pinned certificate, SHA-256, no certificates, CRLs or unsigned attributes beside it. */
static const char *wrong_shape(CMS_ContentInfo *cms, X509 *certificate, CMS_SignerInfo **si)
{
    X509_ALGOR *digest = NULL, *signature = NULL;
    STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(cms);
    STACK_OF(X509) *inside = CMS_get1_certs(cms);
    STACK_OF(X509_CRL) *crls = CMS_get1_crls(cms);
    bool extras = inside != NULL || crls != NULL;
    sk_X509_pop_free(inside, X509_free);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed || sk_CMS_SignerInfo_num(all) != 1)
        return "needs exactly one signer";
    *si = sk_CMS_SignerInfo_value(all, 0);
    if (extras || CMS_unsigned_get_attr_count(*si) > 0)
        return "holds more than one signature";
    if (CMS_SignerInfo_cert_cmp(*si, certificate) != 0 || !same_issuer(*si, certificate))
        return "is by another certificate than the plan's";
    CMS_SignerInfo_get0_algs(*si, NULL, NULL, &digest, &signature);
    if (OBJ_obj2nid(digest->algorithm) != NID_sha256)
        return "is not over SHA-256";
    if (!same_algorithm(signature, certificate))
        return "names another algorithm than its key's";
    return NULL;
}

/* Behind the length octets that stand at `at`. */
static size_t behind_length(struct bytes der, size_t at)
{
    return at < der.len && (der.data[at] & 0x80) != 0 ? at + 1 + (der.data[at] & 0x7f) : at + 1;
}

/* What no signature covers (versions, the list of digests) must be as we write it: encoded again, the same octets. */
static bool is_our_encoding(CMS_ContentInfo *cms, struct bytes der)
{
    /* Of SignedData: version 1, SET { SHA-256 }, pkcs7-data, and the tag of signerInfos. */
    static const uint8_t head[] = {0x02, 0x01, 0x01, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
                                   0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x0b, 0x06, 0x09,
                                   0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0x31};
    unsigned char *again = NULL;
    int len = i2d_CMS_ContentInfo(cms, &again);
    bool same = len > 0 && bytes_eq(bytes_of(again, (size_t)len), der);
    OPENSSL_free(again);
    for (size_t at = 0; same && at < 40; at++) {
        if (!bytes_has_prefix(bytes_slice(der, at, der.len), bytes_of(head, sizeof head)))
            continue;
        size_t signer = behind_length(der, at + sizeof head); /* SEQUENCE, length, version 1 */
        return bytes_has_prefix(bytes_slice(der, behind_length(der, signer + 1), der.len), BYTES_LIT("\x02\x01\x01"));
    }
    return false;
}

int cms_verify(const char *name, struct bytes content, struct bytes der, X509 *certificate, int64_t *signed_s, struct buf *why)
{
    const unsigned char *p = der.data;
    CMS_SignerInfo *si = NULL;
    CMS_ContentInfo *cms = der.len == 0 ? NULL : d2i_CMS_ContentInfo(NULL, &p, (long)der.len);
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    STACK_OF(X509) *pinned = sk_X509_new_null();
    const char *wrong = cms == NULL ? "is no CMS signature" : NULL;
    *signed_s = -1;
    if (in == NULL || pinned == NULL || sk_X509_push(pinned, certificate) <= 0)
        wrong = "memory is short";
    if (wrong == NULL)
        wrong = wrong_shape(cms, certificate, &si);
    if (wrong == NULL && !is_our_encoding(cms, der))
        wrong = "was changed in a part that the signature does not cover";
    if (wrong == NULL &&
        CMS_verify(cms, pinned, NULL, in, NULL, CMS_DETACHED | CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) != 1)
        wrong = "does not fit: either it or what it signs was changed";
    if (wrong == NULL)
        *signed_s = signing_time(si);
    if (wrong != NULL)
        buf_addf(why, "%s: %s; put back what was signed, or remove this file and have it signed again", name, wrong);
    sk_X509_free(pinned);
    BIO_free(in);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_BAD_SIGNATURE;
}
