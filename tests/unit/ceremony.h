/* ceremony: a good plan for tests, as YAML, with certificates made on the spot. */
#ifndef ZEGEL_TEST_CEREMONY_H
#define ZEGEL_TEST_CEREMONY_H

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "ceremony/plan.h"

#define TEST_HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static EVP_PKEY *test_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    return key;
}

/* A self-signed certificate, valid from a day ago for `days`. */
static X509 *test_certificate(EVP_PKEY *key, const char *name, int days)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    (void)X509_set_version(x, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), -86400L);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), 86400L * days);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    (void)X509_set_issuer_name(x, subject);
    (void)X509_set_pubkey(x, key);
    ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
    return x;
}

static void test_person(struct buf *yaml, const char *indent, const char *name, const X509 *x)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char line[80];
    (void)PEM_write_bio_X509(bio, (X509 *)(uintptr_t)x);
    buf_addf(yaml, "name: %s\n%scertificate: |\n", name, indent);
    while (BIO_gets(bio, line, sizeof line) > 0)
        buf_addf(yaml, "%s  %s", indent, line);
    BIO_free(bio);
}

/* Custodians alice, bob, carol (keys[0..2]), threshold 2; administrator dave, witness erin, transcript key (keys[5]), DNS
 * operator frank (keys[6]). */
static void test_plan_yaml(EVP_PKEY *keys[7], struct buf *yaml)
{
    static const char *const names[] = {"alice", "bob", "carol", "dave", "erin", "transcript-key", "frank"};
    static const char *const roles[] = {"", "", "", "administrator", "witness", "transcript", "dns-operator"};
    char from[21], to[21];
    int64_t now = (int64_t)time(NULL);
    plan_time_text(now - 3600, from);
    plan_time_text(now + 3600, to);
    buf_addf(
        yaml,
        "format: zegel-ceremony-1\naction: generate\nserial: 1\nnonce: " TEST_HASH "\norganisation: Ministerie van Zegels\n"
        "not-before: %s\nnot-after: %s\ntoken:\n  label: zegel\n  serial: \"0123\"\n  module: /usr/lib/x.so\n"
        "  module-sha256: " TEST_HASH "\ntool-sha256: " TEST_HASH "\nprevious: " PLAN_NO_PREVIOUS "\nkeys:\n"
        "  - {domain: example.nl, selector: z1, algorithm: ed25519}\n"
        "template: {CKA_SIGN: true, CKA_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_MODIFIABLE: false, CKA_COPYABLE: false, "
        "CKA_DECRYPT: false, CKA_UNWRAP: false, CKA_DERIVE: false, CKA_SIGN_RECOVER: false}\n"
        "backup: {rule: none, reason: replaced, restored: destroy}\ntiming: {publish-wait: 24h, active-max: 180d, retired-keep: "
        "14d}\n"
        "threshold: 2\ncustodians:\n",
        from, to);
    for (int i = 0; i < 7; i++) {
        X509 *x = test_certificate(keys[i], names[i], 30);
        if (i < 3)
            buf_add_str(yaml, "  - ");
        else
            buf_addf(yaml, "%s:\n  ", roles[i]);
        test_person(yaml, i < 3 ? "    " : "  ", names[i], x);
        X509_free(x);
    }
}

static struct plan *test_plan(struct bytes yaml)
{
    struct plan *p;
    struct buf why = BUF_INIT;
    ck_assert_msg(plan_parse("plan.yaml", yaml, &p, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
    return p;
}

#endif
