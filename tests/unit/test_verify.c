/* The verifier against what an attacker may do to a signed message, its keys and its header. */
#include <openssl/bn.h>
#include <openssl/param_build.h>
#include <stdio.h>

#include "forge.h"
#include "dkim/authres.h"

#define TAGS " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.nl; s=ed; "

static const char message[] = "From: Jan <jan@example.nl>\r\nTo: els@example.org\r\nSubject: one\r\n\r\nHello.\r\n";

#define expect(v, want_result, want_reason)                                                                                      \
    do {                                                                                                                         \
        const struct verification got = (v);                                                                                     \
        ck_assert_msg(got.result == (want_result) && strstr(got.reason, want_reason) != NULL, "%s: %s",                          \
                      verify_result_name(got.result), got.reason);                                                               \
    } while (0)

START_TEST(added_fields)
{
    const char *once = TAGS "h=from:to:subject; bh=@; b=@", *over = TAGS "h=from:to:subject:from:subject; bh=@; b=@";
    expect(forge_one("", once, FORGE_ED, message, NULL), VERIFY_PASS, "");
    expect(forge_one("From: ceo@example.nl\r\n", once, FORGE_ED, message, NULL), VERIFY_POLICY,
           "more From fields than are signed");
    expect(forge_one("FROM : ceo@example.nl\r\n", once, FORGE_ED, message, NULL), VERIFY_POLICY, "more From fields");
    expect(forge_one("Subject: two\r\n", once, FORGE_ED, message, NULL), VERIFY_POLICY, "more often than it is signed");
    expect(forge_one("From: ceo@example.nl\r\n", over, FORGE_ED, message, NULL), VERIFY_FAIL, "did not verify");
    expect(forge_one("Received: by mx\r\nReply-To: x@example.org\r\n", once, FORGE_ED, message, NULL), VERIFY_PASS, "");
}
END_TEST

START_TEST(too_many_fields)
{
    struct buf whole = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    const char *tags = TAGS "h=from:to:subject:from; bh=@; b=@";
    forge_sign(bytes_str(message), tags, FORGE_ED, &whole);
    struct bytes fields = bytes_slice(bytes_str(message), 0, (size_t)(strstr(message, "\r\n\r\n") + 2 - message));
    buf_add(&whole, fields);
    for (int i = 0; i < DKIM_HEADER_FIELDS_MAX; i++)
        buf_add_str(&whole, "X: y\r\n");
    buf_add_str(&whole, "From: ceo@example.nl\r\n\r\nHello.\r\n"); /* the bottom-most one is what is signed, and it is dropped */
    ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 1);
    expect(v[0], VERIFY_POLICY, "more header fields than are looked at");
    /* the signature itself among those that are left out */
    buf_clear(&whole);
    for (int i = 0; i < DKIM_HEADER_FIELDS_MAX; i++)
        buf_add_str(&whole, "X: y\r\n");
    forge_sign(bytes_str(message), tags, FORGE_ED, &whole);
    buf_add_str(&whole, message);
    ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 1);
    expect(v[0], VERIFY_POLICY, "more header fields than are looked at");
    /* too much text */
    buf_clear(&whole);
    forge_sign(bytes_str(message), tags, FORGE_ED, &whole);
    buf_add_str(&whole, "X: ");
    for (int i = 0; i < DKIM_HEADER_TEXT_MAX; i++)
        buf_add_u8(&whole, 'x');
    buf_add_str(&whole, "\r\n");
    buf_add_str(&whole, message);
    ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 1);
    expect(v[0], VERIFY_POLICY, "more header fields than are looked at");
    buf_free(&whole);
}
END_TEST

START_TEST(lines_that_are_no_field)
{
    const char *tags = TAGS "h=from; bh=@; b=@";
    static struct header h;
    header_init(&h);
    ck_assert_uint_eq(header_parse(&h, BYTES_LIT("A: b\r\nno field\r\nC: d\r\n\r\nbody")), 24);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_uint_eq(h.defects, HEADER_NO_COLON);
    expect(forge_one("no field\r\n", tags, FORGE_ED, message, NULL), VERIFY_PERMERROR, "no field");
    expect(forge_one("From ceo@example.nl: x\r\n", tags, FORGE_ED, message, NULL), VERIFY_PERMERROR, "no field");
    expect(forge_one(": x\r\n", tags, FORGE_ED, message, NULL), VERIFY_PERMERROR, "no field");
}
END_TEST

START_TEST(more_signatures_than_are_looked_at)
{
    struct buf whole = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    for (int i = 0; i < DKIM_SIGNATURES_MAX + 5; i++)
        forge_sign(bytes_str(message), TAGS "h=from; bh=@; b=@", FORGE_ED, &whole);
    buf_add_str(&whole, message);
    ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), VERIFY_RESULTS_MAX);
    for (int i = 0; i < DKIM_SIGNATURES_MAX; i++)
        expect(v[i], VERIFY_PASS, "");
    expect(v[DKIM_SIGNATURES_MAX], VERIFY_POLICY, "more signatures than are looked at");
    ck_assert(bytes_eq(v[DKIM_SIGNATURES_MAX].sig.selector, BYTES_LIT("ed")));
    buf_free(&whole);
}
END_TEST

START_TEST(international_names)
{
    /* "bücher", and the same with U+0075 U+0308 */
    static const struct forge_zone zone[] = {{"ed._domainkey.xn--bcher-kva.example", "v=DKIM1; k=ed25519; p=@ed"},
                                             {"xn--8da._domainkey.xn--bcher-kva.example", "k=ed25519; p=@ed; t=s"},
                                             {NULL, NULL}};
    static const struct {
        const char *tags;
        enum verify_result want;
        const char *reason;
    } cases[] = {
        {"d=b\xc3\xbc"
         "cher.example; s=ed; ",
         VERIFY_PASS, ""},
        {"d=xn--bcher-kva.example; s=ed; ", VERIFY_PASS, ""},
        {"d=b\xc3\xbc"
         "cher.example; s=ed; i=@xn--bcher-kva.example; ",
         VERIFY_PASS, ""},
        {"d=xn--bcher-kva.example; s=ed; i=j\xc3\xb3@mail.b\xc3\xbc"
         "cher.example; ",
         VERIFY_PASS, ""},
        {"d=b\xc3\xbc"
         "cher.example; s=\xc4\x8b; i=@xn--bcher-kva.example; ",
         VERIFY_PASS, ""},
        {"d=b\xc3\xbc"
         "cher.example; s=xn--8da; i=@x.xn--bcher-kva.example; ",
         VERIFY_PERMERROR, "subdomain"},
        {"d=b\xc3\xbc"
         "cher.example; s=ed; i=@xn--bchea-kva.example; ",
         VERIFY_PERMERROR, "d=, s= or i="},
        {"d=b\xfc"
         "cher.example; s=ed; ",
         VERIFY_PERMERROR, "d=, s= or i="}, /* Latin-1 */
        {"d=b\xc0\xaf"
         "cher.example; s=ed; ",
         VERIFY_PERMERROR, "d=, s= or i="}, /* overlong */
        {"d=b\xed\xa0\x80"
         "cher.example; s=ed; ",
         VERIFY_PERMERROR, "d=, s= or i="},                                        /* half a surrogate pair */
        {"d=b\xf4\x90\x80\x80.example; s=ed; ", VERIFY_PERMERROR, "d=, s= or i="}, /* beyond U+10FFFF */
        {"d=b\xe2\x80\x8b"
         "cher.example; s=ed; ",
         VERIFY_PERMERROR, "no name that DNS"}, /* zero width space */
        {"d=b\xc3\xbc"
         "cher.example; s=\xc4\x8a; ",
         VERIFY_PERMERROR, "no name that DNS"}, /* a capital */
        {"d=bu\xcc\x88"
         "cher.example; s=ed; ",
         VERIFY_PERMERROR, "no name that DNS"}, /* not NFC */
        {"d=b\xc3; s=ed; ", VERIFY_PERMERROR, "d=, s= or i="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char tags[300];
        (void)snprintf(tags, sizeof tags, " v=1; a=ed25519-sha256; %sh=from; bh=@; b=@", cases[i].tags);
        struct verification v = forge_one("", tags, FORGE_ED, message, zone);
        ck_assert_msg(v.result == cases[i].want && strstr(v.reason, cases[i].reason) != NULL, "%zu %s: %s %s", i, tags,
                      verify_result_name(v.result), v.reason);
    }
}
END_TEST

/* An RSA public key in SPKI from any numbers, sound or not. */
static void rsa_record(const char *modulus, const char *exponent, struct buf *out)
{
    BIGNUM *n = NULL, *e = NULL;
    (void)BN_hex2bn(&n, modulus);
    (void)BN_hex2bn(&e, exponent);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    ck_assert(OSSL_PARAM_BLD_push_BN(b, "n", n) == 1 && OSSL_PARAM_BLD_push_BN(b, "e", e) == 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *k = NULL;
    ck_assert(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_PUBLIC_KEY, params) == 1);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(k, &der);
    uint8_t text[2048];
    struct out o = out_of(text, sizeof text);
    ck_assert_int_gt(len, 0);
    base64_encode(bytes_of(der, (size_t)len), &o);
    buf_add_str(out, "p=");
    buf_add(out, out_bytes(&o));
    OPENSSL_free(der);
    EVP_PKEY_free(k);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    BN_free(n);
    BN_free(e);
}

START_TEST(rsa_keys_nobody_makes)
{
    static const struct {
        unsigned bits;
        const char *exponent;
        bool even_modulus, sound;
    } cases[] = {{2048, "10001", false, true},
                 {2048, "3", false, true},
                 {2048, "1", false, false},
                 {2048, "2", false, false},
                 {2048, "10000", false, false},
                 {2048, "10001", true, false},
                 {2048, "FFFFFFFFFFFFFFFF", false, true},
                 {2048, "10000000000000001", false, false},
                 {DKIM_RSA_BITS_MAX, "10001", false, true},
                 {DKIM_RSA_BITS_MAX + 4, "10001", false, false}};
    const struct sigheader sig = {.algorithm = DKIM_RSA_SHA256};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf txt = BUF_INIT;
        struct keyrecord r;
        char modulus[DKIM_RSA_BITS_MAX / 4 + 2];
        size_t digits = cases[i].bits / 4;
        memset(modulus, 'F', digits);
        modulus[digits] = '\0';
        modulus[digits - 1] = cases[i].even_modulus ? 'E' : 'F';
        rsa_record(modulus, cases[i].exponent, &txt);
        ck_assert_msg((keyrecord_parse(buf_bytes(&txt), &sig, &r) == KEYRECORD_OK) == cases[i].sound, "%u bits, e=%s",
                      cases[i].bits, cases[i].exponent);
        digest_key_free(r.key);
        buf_free(&txt);
    }
}
END_TEST

START_TEST(long_records)
{
    const struct sigheader sig = {.algorithm = DKIM_ED25519_SHA256};
    for (size_t over = 0; over <= 1; over++) {
        struct buf txt = BUF_INIT;
        struct keyrecord r;
        forge_record("k=ed25519; p=@ed; n=", &txt);
        while (txt.len < DKIM_KEYRECORD_MAX + over)
            buf_add_str(&txt, "x");
        ck_assert_int_eq(keyrecord_parse(buf_bytes(&txt), &sig, &r), over == 0 ? KEYRECORD_OK : KEYRECORD_SYNTAX);
        digest_key_free(r.key);
        buf_free(&txt);
    }
}
END_TEST

START_TEST(answers_of_dns)
{
    static const struct {
        const char *selector;
        enum verify_result want;
        const char *reason;
    } cases[] = {
        {"none", VERIFY_PERMERROR, "no key"},
        {"many", VERIFY_PERMERROR, "more than one key record"},
        {"later", VERIFY_TEMPERROR, "for now"},
        {"bogus", VERIFY_TEMPERROR, "DNSSEC"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char tags[200];
        (void)snprintf(tags, sizeof tags, " v=1; a=ed25519-sha256; d=example.nl; s=%s; h=from; bh=@; b=@", cases[i].selector);
        expect(forge_one("", tags, FORGE_ED, message, NULL), cases[i].want, cases[i].reason);
    }
}
END_TEST

START_TEST(dnssec_is_told)
{
    uint8_t room[512];
    struct verification v = {.reason = "", .dnssec = VERIFY_DNSSEC_SECURE};
    struct out o = out_of(room, sizeof room);
    authres_dkim(&v, &o);
    ck_assert(bytes_eq(out_bytes(&o), BYTES_LIT("dkim=pass header.a=rsa-sha256 dns.sec=yes")));
    v.dnssec = VERIFY_DNSSEC_INSECURE;
    o = out_of(room, sizeof room);
    authres_dkim(&v, &o);
    ck_assert(bytes_eq(out_bytes(&o), BYTES_LIT("dkim=pass header.a=rsa-sha256 dns.sec=no")));
    ck_assert_str_eq(verify_dnssec_name(VERIFY_DNSSEC_BOGUS), "bogus");
}
END_TEST

UNIT_MAIN("verify", added_fields, too_many_fields, lines_that_are_no_field, more_signatures_than_are_looked_at,
          international_names, rsa_keys_nobody_makes, long_records, answers_of_dns, dnssec_is_told)
