/* The OpenPGP application: RSA keys of all sizes imported (DB 3FFF), their signatures checked by OpenSSL; PINs as hashes
 * (KDF-DO). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "firmware/card.h"

enum { HALF_MAX = 256 };

/* An extended header list (OpenPGP card 3.4 §4.4.3.12) in the making. */
struct import {
    uint8_t data[1024];
    size_t len;
};

static void put(struct import *i, const void *data, size_t len)
{
    memcpy(i->data + i->len, data, len);
    i->len += len;
}

static size_t put_length(uint8_t *out, size_t len)
{
    size_t n = 0;
    if (len > 0xff)
        out[n++] = 0x82;
    else if (len > 0x7f)
        out[n++] = 0x81;
    if (len > 0xff)
        out[n++] = (uint8_t)(len >> 8);
    out[n++] = (uint8_t)len;
    return n;
}

/* 4D { crt, 7F48 { 91 92 93 with lengths }, 5F48 values } */
static void header_list(uint8_t crt, struct span e, struct span p, struct span q, struct import *out)
{
    struct span parts[] = {e, p, q};
    struct import template = {.len = 0}, inner = {.len = 0};
    uint8_t length[3];
    for (uint8_t i = 0; i < 3; i++) {
        put(&template, (const uint8_t[]){(uint8_t)(0x91 + i)}, 1);
        put(&template, length, put_length(length, parts[i].len));
    }
    put(&inner, (const uint8_t[]){crt, 0x00, 0x7f, 0x48, (uint8_t) template.len}, 5);
    put(&inner, template.data, template.len);
    put(&inner, (const uint8_t[]){0x5f, 0x48}, 2);
    put(&inner, length, put_length(length, e.len + p.len + q.len));
    for (int i = 0; i < 3; i++)
        put(&inner, parts[i].data, parts[i].len);
    out->len = 0;
    put(out, (const uint8_t[]){0x4d}, 1);
    put(out, length, put_length(length, inner.len));
    put(out, inner.data, inner.len);
}

static void prime_of(const EVP_PKEY *key, const char *which, uint8_t *out, size_t half)
{
    BIGNUM *prime = NULL;
    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, which, &prime), 1);
    ck_assert_int_eq(BN_bn2binpad(prime, out, (int)half), (int)half);
    BN_clear_free(prime);
}

/* As OpenSC sends it: pieces of 254 octets, chained. */
static unsigned chained(uint8_t ins, uint8_t p1, uint8_t p2, const uint8_t *data, size_t len)
{
    uint8_t c[5 + 254];
    for (; len > 254; data += 254, len -= 254) {
        memcpy(c, (const uint8_t[]){0x10, ins, p1, p2, 254}, 5);
        memcpy(c + 5, data, 254);
        ck_assert_uint_eq(send(c, sizeof c), 0x9000);
    }
    memcpy(c, (const uint8_t[]){0x00, ins, p1, p2, (uint8_t)len}, 5);
    memcpy(c + 5, data, len);
    return send(c, 5 + len);
}

static void set_algorithm(uint8_t slot_tag, unsigned bits)
{
    const uint8_t attributes[] = {0x01, (uint8_t)(bits >> 8), (uint8_t)bits, 0x00, 0x20, 0x00};
    ck_assert_uint_eq(command(0, 0xda, 0, slot_tag, attributes, sizeof attributes), 0x9000);
}

static void sign_and_verify(EVP_PKEY *key, unsigned bits, bool aut)
{
    uint8_t hash[32], info[CRYPTO_DIGESTINFO_LEN];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    crypto_sha256("mail", 4, hash);
    crypto_digestinfo(hash, info);
    ck_assert_uint_eq(aut ? command(0, 0x88, 0, 0, info, sizeof info) : command(0, 0x2a, 0x9e, 0x9a, info, sizeof info), 0x9000);
    ck_assert_uint_eq(reply_len, bits / 8);
    ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    ck_assert_int_eq(EVP_PKEY_verify(ctx, reply, reply_len, hash, sizeof hash), 1);
    EVP_PKEY_CTX_free(ctx);
}

START_TEST(rsa_of_all_sizes_is_imported)
{
    static const unsigned sizes[] = {2048, 3072, 4096};
    static const uint8_t e[] = {1, 0, 1};
    for (size_t i = 0; i < 3; i++) {
        bool aut = i == 1;
        uint8_t p[HALF_MAX], q[HALF_MAX];
        struct import list;
        EVP_PKEY *key = EVP_RSA_gen(sizes[i]);
        ck_assert_ptr_nonnull(key);
        prime_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1, p, sizes[i] / 16);
        prime_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2, q, sizes[i] / 16);
        header_list(aut ? 0xa4 : 0xb6, span_of(e, 3), span_of(p, sizes[i] / 16), span_of(q, sizes[i] / 16), &list);
        fresh();
        OK(SELECT_PGP);
        OK(VERIFY_ADMIN);
        set_algorithm(aut ? 0xc3 : 0xc1, sizes[i]);
        ck_assert_uint_eq(
            i == 0 ? command(0, 0xdb, 0x3f, 0xff, list.data, list.len) : chained(0xdb, 0x3f, 0xff, list.data, list.len), 0x9000);
        OK(VERIFY_SIGN);
        OK(VERIFY_USER);
        sign_and_verify(key, sizes[i], aut);
        boot(); /* it is in the store */
        OK(SELECT_PGP);
        OK(VERIFY_SIGN);
        OK(VERIFY_USER);
        sign_and_verify(key, sizes[i], aut);
        EVP_PKEY_free(key);
    }
}
END_TEST

/* What is no key is refused, and the key that was there still signs. */
START_TEST(import_refuses)
{
    static const uint8_t e[] = {1, 0, 1}, even[] = {1, 0, 0}, one[] = {1}, long_e[] = {1, 0, 0, 0, 1};
    uint8_t p[128], q[128], composite[128];
    struct import list;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    prime_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1, p, sizeof p);
    prime_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2, q, sizeof q);
    memcpy(composite, q, sizeof q);
    composite[127] ^= 0x02;
    const struct span P = span_of(p, 128), Q = span_of(q, 128);
    const struct {
        struct span e, p, q;
    } bad[] = {{span_of(even, 3), P, Q},
               {span_of(one, 1), P, Q},
               {span_of(long_e, 5), P, Q},
               {span_of(e, 0), P, Q},
               {span_of(e, 3), P, P},
               {span_of(e, 3), P, span_of(q, 127)},
               {span_of(e, 3), P, span_of(q, 0)},
               {span_of(e, 3), P, span_of(composite, 128)}};
    fresh();
    OK(SELECT_PGP);
    header_list(0xb6, span_of(e, 3), P, Q, &list);
    ck_assert_uint_eq(command(0, 0xdb, 0x3f, 0xff, list.data, list.len), 0x6982);
    OK(VERIFY_ADMIN);
    ck_assert_uint_eq(command(0, 0xdb, 0x3f, 0xfe, list.data, list.len), 0x6a86);
    for (size_t len = 0; len < list.len; len++) /* cut short anywhere */
        ck_assert_uint_ne(command(0, 0xdb, 0x3f, 0xff, list.data, len), 0x9000);
    ck_assert_uint_eq(command(0, 0xdb, 0x3f, 0xff, list.data, list.len), 0x9000);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        header_list(0xb6, bad[i].e, bad[i].p, bad[i].q, &list);
        ck_assert_msg(command(0, 0xdb, 0x3f, 0xff, list.data, list.len) != 0x9000, "%zu", i);
    }
    header_list(0xb8, span_of(e, 3), P, Q, &list);
    ck_assert_uint_eq(command(0, 0xdb, 0x3f, 0xff, list.data, list.len), 0x6a81); /* there is no decryption */
    OK(VERIFY_SIGN);
    sign_and_verify(key, 2048, false);
    EVP_PKEY_free(key);
}
END_TEST

/* KDF-DO (§4.3.2): with the hashes of the first PINs in it, hosts send hashes from now on. */
START_TEST(pins_as_hashes)
{
    uint8_t kdf[120] = {0x81, 0x01, 0x03, 0x82, 0x01, 0x08, 0x83, 0x04, 0x00, 0x00, 0x40, 0x00}, user[32], admin[32], other[32];
    size_t len = 12;
    for (uint8_t tag = 0x84; tag <= 0x86; tag++) { /* salts */
        kdf[len++] = tag;
        kdf[len++] = 8;
        memset(kdf + len, tag, 8);
        len += 8;
    }
    memset(user, 'u', sizeof user);
    memset(admin, 'a', sizeof admin);
    memset(other, 'o', sizeof other);
    for (int i = 0; i < 2; i++) {
        kdf[len++] = (uint8_t)(0x87 + i);
        kdf[len++] = 32;
        memcpy(kdf + len, i == 0 ? user : admin, 32);
        len += 32;
    }
    fresh();
    OK(SELECT_PGP);
    OK("00ca00f900");
    ck_assert_mem_eq(reply, "\x81\x01\x00", 3); /* none */
    ck_assert_uint_eq(command(0, 0xda, 0, 0xf9, kdf, len), 0x6982);
    OK(VERIFY_ADMIN);
    ck_assert_uint_eq(command(0, 0xda, 0, 0xf9, kdf, 111), 0x6700);
    ck_assert_uint_eq(command(0, 0xda, 0, 0xf9, kdf, len), 0x9000);
    boot();
    OK(SELECT_PGP);
    OK("00ca00f900");
    ck_assert_uint_eq(reply_len, len);
    ck_assert_mem_eq(reply, kdf, len);
    GIVES(VERIFY_USER, 0x63c2); /* as it was typed: no longer */
    GIVES(VERIFY_ADMIN, 0x63c2);
    ck_assert_uint_eq(command(0, 0x20, 0, 0x82, user, 32), 0x9000);
    ck_assert_uint_eq(command(0, 0x20, 0, 0x81, user, 32), 0x9000);
    ck_assert_uint_eq(command(0, 0x20, 0, 0x83, admin, 32), 0x9000);
    uint8_t change[64];
    memcpy(change, user, 32);
    memcpy(change + 32, other, 32);
    ck_assert_uint_eq(command(0, 0x24, 0, 0x81, change, 64), 0x9000); /* CHANGE REFERENCE DATA knows where the old one ends */
    ck_assert_uint_eq(command(0, 0x20, 0, 0x82, user, 32), 0x63c2);
    ck_assert_uint_eq(command(0, 0x20, 0, 0x82, other, 32), 0x9000);
    OK(SELECT_ZEGEL); /* the same PINs in the own application */
    ck_assert_uint_eq(command(0x80, 0x20, 0, 0x82, other, 32), 0x9000);
}
END_TEST

UNIT_MAIN("fw_openpgp", rsa_of_all_sizes_is_imported, import_refuses, pins_as_hashes)
