/* The token as a reader sees it: APDU forms, PINs, keys of the OpenPGP application, factory reset. */
#include <openssl/evp.h>

#include "core/tlv.h"
#include "firmware/card.h"

START_TEST(apdu_forms)
{
    static const struct {
        const char *hex;
        bool good;
        size_t data;
        uint32_t le;
    } cases[] = {
        {"00ca006e", true, 0, 0},
        {"00ca006e00", true, 0, 256},
        {"00ca006e10", true, 0, 16},
        {"00da0101020102", true, 2, 0},
        {"00da010102010200", true, 2, 256},
        {"00ca006e000000", true, 0, 65536},
        {"00ca006e000100", true, 0, 256},
        {"00da01010000020102", true, 2, 0},
        {"00da010100000201020000", true, 2, 65536},
        {"", false, 0, 0},
        {"00ca00", false, 0, 0},
        {"00da01010301", false, 0, 0},
        {"00da0101020102030405", false, 0, 0},
        {"00da0101000000", true, 0, 65536},
        {"00da010100000301", false, 0, 0},
        {"00da01010000020102ff", false, 0, 0},
        {"00da01010001", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t in[64];
        struct apdu a;
        bool good = apdu_parse(span_of(in, from_hex(cases[i].hex, in)), &a);
        ck_assert_msg(good == cases[i].good, "%s", cases[i].hex);
        if (good) {
            ck_assert_msg(a.data.len == cases[i].data && a.le == cases[i].le, "%s: %zu %u", cases[i].hex, a.data.len, a.le);
        }
    }
}
END_TEST

START_TEST(tlv_forms)
{
    static const char *const bad[] = {"81",         "8102aa",         "8180", "818101", "81817f00",
                                      "8182000100", "81830000011122", "7f",   "7fff00", "5f2d"};
    uint8_t in[64], room[600], big[300] = {0};
    struct span rest, v;
    struct tlv t;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rest = span_of(in, from_hex(bad[i], in));
        ck_assert_msg(!tlv_next(&rest, &t), "%s", bad[i]);
    }
    struct tlv_out o = tlv_out_of(room, sizeof room);
    size_t begin = tlv_begin(&o, 0x7f49);
    tlv_put_object(&o, 0x81, span_of(big, sizeof big));
    tlv_put_object(&o, 0x5f2d, SPAN_LIT("nl"));
    tlv_end(&o, begin);
    ck_assert(!o.overflow);
    rest = span_of(room, o.len);
    ck_assert(tlv_next(&rest, &t) && t.tag == 0x7f49 && rest.len == 0);
    ck_assert(tlv_find(t.value, 0x5f2d, &v) && span_eq(v, SPAN_LIT("nl")));
    ck_assert(tlv_find(t.value, 0x81, &v) && v.len == sizeof big);
    o = tlv_out_of(room, 10);
    tlv_put_object(&o, 0x81, span_of(big, 9));
    ck_assert(o.overflow && o.len <= 10);
}
END_TEST

START_TEST(select_and_data)
{
    fresh();
    GIVES("00ca006e00", 0x6985); /* nothing selected */
    GIVES("00a4040006d27600012402", 0x6a82);
    OK(SELECT_PGP);
    OK("00ca004f00");
    ck_assert_uint_eq(reply_len, 16);
    ck_assert_int_eq(reply[6] << 8 | reply[7], 0x0304);
    ck_assert_int_eq(reply[8] << 8 | reply[9], 0xffff); /* a seed for development shows */
    OK("00a50301");
    OK("00ca00c400");
    ck_assert_uint_eq(reply_len, 7);
    ck_assert_uint_eq(reply[0], 1);
    struct span data;
    OK("00ca006e00");
    ck_assert(tlv_find(span_of(reply, reply_len), 0x73, &data));
    OK("00ca7f2100");
    ck_assert_uint_eq(reply_len, 0);
    GIVES("00ca123400", 0x6a88);
    GIVES("00da005b0141", 0x6982);
    OK(VERIFY_ADMIN);
    GIVES("00a4040007627601ff000000", 0x6a82); /* of another process that looks what card this is: changes nothing */
    GIVES("00a404000ca00000000101", 0x6700);
    OK("00da005b0141");
    GIVES("00da005b28"
          "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
          0x6700);
    OK("00ca006500");
    ck_assert_mem_eq(reply, "\x5b\x01\x41", 3);
    GIVES("00030000", 0x6d00);
    GIVES("04ca004f00", 0x6e00);
    boot();
    OK(SELECT_PGP);
    OK("00ca005b00");
    ck_assert_mem_eq(reply, "A", 1);
    GIVES("00da005b0142", 0x6982); /* power-up forgets who was verified */
}
END_TEST

/* Short chained commands and GET RESPONSE carry what one extended command does. */
START_TEST(chaining)
{
    fresh();
    OK(SELECT_PGP);
    OK(VERIFY_ADMIN);
    OK("10da5f50034e4f50");
    OK("10da5f50034e4f51");
    OK("00da5f5001ff");
    OK("00ca5f5000");
    ck_assert_uint_eq(reply_len, 7);
    OK("10da5f50034e4f50");
    GIVES("10da005b0141", 0x6883);
    OK("10da5f50034e4f50");
    OK("00ca005b00"); /* another command ends a chain */
    for (int i = 0; i < 16; i++) {
        uint8_t part[5 + 255] = {0x10, 0xda, 0x5f, 0x50, 255};
        ck_assert_uint_eq(send(part, sizeof part), 0x9000);
    }
    uint8_t more[5 + 255] = {0x10, 0xda, 0x5f, 0x50, 255};
    ck_assert_uint_eq(send(more, sizeof more), 0x6700);
    ck_assert_uint_eq(apdu("00ca006e04") & 0xff00, 0x6100); /* and it lives on */
}
END_TEST

START_TEST(get_response)
{
    uint8_t whole[512];
    size_t len = 0;
    fresh();
    OK(SELECT_PGP);
    ck_assert_uint_eq(command(0, 0xca, 0, 0x6e, NULL, 0), 0x9000);
    size_t want = reply_len;
    ck_assert_uint_gt(want, 128);
    memcpy(whole, reply, want);
    unsigned sw = apdu("00ca006e40");
    for (;;) {
        ck_assert_mem_eq(reply, whole + len, reply_len);
        len += reply_len;
        if ((sw & 0xff00) != 0x6100)
            break;
        ck_assert_uint_eq(sw & 0xff, want - len);
        sw = apdu("00c0000040");
    }
    ck_assert_uint_eq(sw, 0x9000);
    ck_assert_uint_eq(len, want);
    GIVES("00c0000000", 0x6d00); /* nothing waits */
}
END_TEST

START_TEST(pins)
{
    fresh();
    OK(SELECT_PGP);
    GIVES("00200082", 0x63c3);
    GIVES(WRONG_USER, 0x63c2);
    boot(); /* the count lives on */
    OK(SELECT_PGP);
    GIVES("00200081", 0x63c2);
    GIVES(WRONG_USER, 0x63c1);
    OK(VERIFY_USER);
    OK("00200082");
    OK("0020ff82");
    GIVES("00200082", 0x63c3);
    GIVES("0024008107"
          "31323334353637",
          0x6a80); /* too short a new one */
    OK("002400810c"
       "313233343536"
       "363534333231");
    GIVES(VERIFY_USER, 0x63c2);
    OK("0020008206363534333231");
    GIVES(WRONG_USER, 0x63c2);
    GIVES(WRONG_USER, 0x63c1);
    GIVES(WRONG_USER, 0x6983);
    GIVES("0020008206363534333231", 0x6983); /* the right one comes too late */
    GIVES("002c00810e"
          "3131313131313131"
          "313233343536",
          0x6983); /* no reset code */
    GIVES("002c028106313233343536", 0x6982);
    OK(VERIFY_ADMIN);
    OK("00da00d308"
       "3131313131313131");
    OK("002c00810e"
       "3131313131313131"
       "313233343536");
    OK(VERIFY_USER);
    GIVES("0024008310"
          "3030303030303030"
          "3131313131313131",
          0x63c2);
    GIVES("002c028106313233343536", 0x6982); /* a failed change forgets */
    OK(VERIFY_ADMIN);
    OK("002c028106323232323232");
    OK("0020008206323232323232");
}
END_TEST

static void verify_ed25519(const uint8_t public[32], const uint8_t *message, size_t len, const uint8_t *signature)
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k), 1);
    ck_assert_int_eq(EVP_DigestVerify(ctx, signature, 64, message, len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
}

#define ED25519_ATTRIBUTE "0a162b06010401da470f01"

START_TEST(ed25519_key)
{
    uint8_t public[32], message[32] = {7};
    fresh();
    OK(SELECT_PGP);
    GIVES("00478000"
          "02b600"
          "00",
          0x6982);
    OK(VERIFY_ADMIN);
    OK("00da00c1" ED25519_ATTRIBUTE);
    GIVES("0047810002b60000", 0x6a88);
    OK("0047800002b60000");
    ck_assert_mem_eq(reply, "\x7f\x49\x22\x86\x20", 5);
    memcpy(public, reply + 5, 32);
    GIVES("002a9e9a0102", 0x6982);
    OK(VERIFY_SIGN);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(command(0, 0x2a, 0x9e, 0x9a, message, sizeof message), 0x9000);
        ck_assert_uint_eq(reply_len, 64);
        verify_ed25519(public, message, sizeof message, reply);
    }
    OK("00ca007a00");
    ck_assert_mem_eq(reply, "\x93\x03\x00\x00\x02", 5);
    boot();
    OK(SELECT_PGP);
    OK("0047810002b60000");
    ck_assert_mem_eq(reply + 5, public, 32);
    OK("00ca007a00");
    ck_assert_mem_eq(reply, "\x93\x03\x00\x00\x02", 5);
    OK(VERIFY_ADMIN);
    OK("00da00c40100"); /* one signature for one PIN */
    OK(VERIFY_SIGN);
    ck_assert_uint_eq(command(0, 0x2a, 0x9e, 0x9a, message, sizeof message), 0x9000);
    ck_assert_uint_eq(command(0, 0x2a, 0x9e, 0x9a, message, sizeof message), 0x6982);
    OK("00da00c1"
       "06010800002000"); /* another algorithm: the key goes */
    GIVES("0047810002b60000", 0x6a88);
    GIVES("0047800002b80000", 0x6a81); /* it decrypts nothing */
}
END_TEST

/* RFC 8032 §7.1, test 2: imported, it signs as the RFC says. */
START_TEST(rfc8032_import)
{
    static const char signature[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    uint8_t want[64];
    ck_assert_uint_eq(from_hex(signature, want), 64);
    fresh();
    OK(SELECT_PGP);
    OK(VERIFY_ADMIN);
    OK("00da00c1" ED25519_ATTRIBUTE);
    GIVES("00db3fff2c"
          "4d2a"
          "b600"
          "7f48029220"
          "5f4821"
          "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
          "00",
          0x6a80);
    OK("00db3fff2c"
       "4d2a"
       "b600"
       "7f48029220"
       "5f4820"
       "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    OK(VERIFY_SIGN);
    OK("002a9e9a017200");
    ck_assert_mem_eq(reply, want, 64);
}
END_TEST

/* RFC 8463 A.2: the hash of the example's header block, and the b= that belongs to it. */
START_TEST(rfc8463_example)
{
    static const char block[] =
        "from:Joe SixPack <joe@football.example.com>\r\nto:Suzie Q <suzie@shopping.example.net>\r\n"
        "subject:Is dinner ready?\r\ndate:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
        "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
        "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com; i=@football.example.com; "
        "q=dns/txt; s=brisbane; t=1528637909; h=from : to : subject : date : message-id : from : subject : date; "
        "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";
    static const uint8_t seed[] = "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
                                  "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
    uint8_t hash[32], import[64] = "\x4d\x2a\xa4\x00\x7f\x48\x02\x92\x20\x5f\x48\x20", b64[96];
    crypto_sha256(block, sizeof block - 1, hash);
    memcpy(import + 12, seed, 32);
    fresh();
    OK(SELECT_PGP);
    OK(VERIFY_ADMIN);
    OK("00da00c3" ED25519_ATTRIBUTE);
    ck_assert_uint_eq(command(0, 0xdb, 0x3f, 0xff, import, 44), 0x9000);
    OK(VERIFY_USER);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x9000);
    EVP_EncodeBlock(b64, reply, 64);
    ck_assert_str_eq((char *)b64, "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
}
END_TEST

START_TEST(factory_reset)
{
    fresh();
    OK(SELECT_PGP);
    GIVES("00e60000", 0x6985);
    OK("00440000");
    OK(VERIFY_ADMIN);
    OK("00da00c1" ED25519_ATTRIBUTE);
    OK("0047800002b60000");
    OK("00da005b0141");
    OK("00e60000");
    GIVES(SELECT_PGP, 0x6285);
    GIVES(VERIFY_USER, 0x6285);
    boot();
    GIVES(SELECT_PGP, 0x6285);
    OK("00440000");
    OK(SELECT_PGP);
    GIVES("0047810002b60000", 0x6a88);
    OK("00ca005b00");
    ck_assert_uint_eq(reply_len, 0);
    OK(VERIFY_USER);
    for (int i = 0; i < 3; i++)
        (void)apdu(WRONG_USER), (void)apdu("0020008308"
                                           "3030303030303030");
    OK("00e60000"); /* both PINs blocked: who holds it may start anew */
    OK("00440000");
}
END_TEST

UNIT_MAIN("fw_token", apdu_forms, tlv_forms, select_and_data, chaining, get_response, pins, ed25519_key, rfc8032_import,
          rfc8463_example, factory_reset)
