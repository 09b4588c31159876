/* The own application: policies, bindings, tickets, limits, log and attestation; and power that fails at every write. */
#include <openssl/evp.h>

#include "core/ledger.h"
#include "core/tlv.h"
#include "firmware/card.h"

#define BH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define BLOCK                                                                                                                    \
    "from:a@example.nl\r\nto:b@example.org\r\ndkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.nl; s=s1; "     \
    "t=1700000000; h=From:From:To:To; bh=" BH "; b="
/* Ed25519, policy, d=example.nl, s=s1, and what else is said */
#define BINDING(policy, more)                                                                                                    \
    "80020000"                                                                                                                   \
    "8101" policy "820a"                                                                                                         \
    "6578616d706c652e6e6c"                                                                                                       \
    "8302"                                                                                                                       \
    "7331" more
#define KEY "10"

static unsigned make(const char *number, const char *binding)
{
    static uint8_t data[1024], p1[1];
    size_t len = from_hex(binding, data);
    (void)from_hex(number, p1);
    return command(0x80, 0x30, p1[0], 0, data, len);
}

static void ready(const char *number, const char *binding)
{
    fresh();
    OK(SELECT_ZEGEL);
    OK(VERIFY_ADMIN);
    ck_assert_uint_eq(make(number, binding), 0x9000);
    OK(VERIFY_USER);
}

static unsigned finish(uint8_t number, uint8_t how, const char *block)
{
    unsigned sw = command(0x80, 0x10, number, 0, NULL, 0);
    size_t len = strlen(block), half = len / 2;
    if (sw != 0x9000)
        return sw;
    ck_assert_uint_eq(command(0x80, 0x12, 0, 0, block, half), 0x9000);
    return command(0x80, 0x14, how, 0, block + half, len - half);
}

static void object(uint16_t tag, struct span *out)
{
    ck_assert(tlv_find(span_of(reply, reply_len), tag, out));
}

static void verify(const uint8_t public[32], const void *message, size_t len, const uint8_t *signature)
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k), 1);
    ck_assert_int_eq(EVP_DigestVerify(ctx, signature, 64, message, len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
}

START_TEST(signs_a_block)
{
    uint8_t public[32], hash[32], signature[64];
    struct span v;
    ready(KEY, BINDING("01", ""));
    ck_assert_uint_eq(command(0x80, 0x32, 0x10, 0, NULL, 0), 0x9000);
    object(0x8c, &v);
    ck_assert_uint_eq(v.len, 32);
    memcpy(public, v.data, 32);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
    ck_assert_uint_eq(reply_len, 64);
    memcpy(signature, reply, 64);
    crypto_sha256(BLOCK, sizeof BLOCK - 1, hash);
    verify(public, hash, 32, signature);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK " "), 0x692c);         /* b= is not empty */
    ck_assert_uint_eq(command(0x80, 0x14, 0, 0, NULL, 0), 0x6978); /* nothing was begun */
    ck_assert_uint_eq(command(0x80, 0x12, 0, 0, "x", 1), 0x6978);
    OK("0020ff82");
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x6982);
    OK(VERIFY_USER);
    ck_assert_uint_eq(finish(0x11, 0, BLOCK), 0x6a88);
    ck_assert_uint_eq(make(KEY, BINDING("03", "")), 0x6a89); /* a policy is for ever */
}
END_TEST

START_TEST(bindings_that_are_none)
{
    static const char *const bad[] = {
        "",
        "80020000"
        "810101", /* no names */
        "80020000"
        "8101"
        "00"
        "8201"
        "61"
        "8301"
        "62", /* no such policy */
        "80020000"
        "8101"
        "04"
        "8201"
        "61"
        "8301"
        "62",
        "80020001"
        "8101"
        "01"
        "8201"
        "61"
        "8301"
        "62", /* no such size */
        "80020400"
        "8101"
        "01"
        "8201"
        "61"
        "8301"
        "62",
        "80020000"
        "8101"
        "01"
        "8201"
        "2e"
        "8301"
        "62", /* no names either */
        "80020000"
        "8101"
        "01"
        "8201"
        "61"
        "8300",
        "80020000"
        "8101"
        "01"
        "8201"
        "61"
        "8301"
        "62"
        "840110",
        "80020000"
        "8101"
        "01"
        "8201"
        "61"
        "8301"
        "62"
        "85050000000001",
        "80020000"
        "8101"
        "01"
        "8201"
        "61"
        "8301"
        "62"
        "a00101",
    };
    fresh();
    OK(SELECT_ZEGEL);
    ck_assert_uint_eq(make(KEY, BINDING("01", "")), 0x6982);
    OK(VERIFY_ADMIN);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(make(KEY, bad[i]) == 0x6a80, "%s", bad[i]);
    ck_assert_uint_eq(make("02", BINDING("01", "")), 0x6a88);
    ck_assert_uint_eq(make("30", BINDING("01", "")), 0x6a88);
}
END_TEST

/* A digest never gets a signature by a key that is for header blocks only, by any way there is. */
START_TEST(no_blind_signature)
{
    uint8_t hash[32];
    crypto_sha256(BLOCK, sizeof BLOCK - 1, hash);
    ready("01", BINDING("01", ""));
    ck_assert_uint_eq(make("03", BINDING("02", "")), 0x9000);
    ck_assert_uint_eq(finish(1, 0, BLOCK), 0x9000);
    ck_assert_uint_eq(finish(1, 1, BLOCK), 0x6985); /* it gives no tickets */
    OK(SELECT_PGP);
    OK(VERIFY_SIGN);
    OK(VERIFY_USER);
    for (size_t len = 0; len <= 64; len++)
        ck_assert_uint_eq(command(0, 0x2a, 0x9e, 0x9a, BLOCK, len), 0x6985);
    ck_assert_uint_eq(command(0, 0x2a, 0x9e, 0x9a, hash, 32), 0x6985);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x6985); /* no ticket for that one yet */
}
END_TEST

/* The own application's SIGN is the same gate: blind keys sign what they are given, the others nothing. */
START_TEST(sign_is_for_blind_keys)
{
    static uint8_t message[3000];
    uint8_t hash[32], public[32];
    struct span k;
    crypto_sha256(BLOCK, sizeof BLOCK - 1, hash);
    ready(KEY, BINDING("03", ""));
    ck_assert_uint_eq(make("11", BINDING("01", "")), 0x9000);
    ck_assert_uint_eq(make("12", BINDING("02", "")), 0x9000);
    GIVES("80321000000000", 0x9000);
    object(0x8c, &k);
    memcpy(public, k.data, sizeof public);
    for (size_t len = 1; len <= sizeof message; len += 1111) {
        ck_assert_uint_eq(command(0x80, 0x16, 0x10, 0, message, len), 0x9000);
        ck_assert_uint_eq(reply_len, 64);
        verify(public, message, len, reply);
        ck_assert_uint_eq(command(0x80, 0x16, 0x11, 0, message, len), 0x6985);
        ck_assert_uint_eq(command(0x80, 0x16, 0x12, 0, message, len), 0x6985);
    }
    ck_assert_uint_eq(command(0x80, 0x16, 0x11, 0, hash, 32), 0x6985);
    ck_assert_uint_eq(command(0x80, 0x16, 0x12, 0, hash, 32), 0x6985); /* no ticket yet */
    ck_assert_uint_eq(finish(0x12, 1, BLOCK), 0x9000);
    ck_assert_uint_eq(command(0x80, 0x16, 0x12, 0, hash, 32), 0x9000);
    ck_assert_uint_eq(command(0x80, 0x16, 0x12, 0, hash, 32), 0x6985); /* once */
    ck_assert_uint_eq(command(0x80, 0x16, 0x13, 0, hash, 32), 0x6a88);
    GIVES("80161000", 0x6700); /* nothing to sign */
    OK(SELECT_ZEGEL);
    ck_assert_uint_eq(command(0x80, 0x16, 0x10, 0, hash, 32), 0x6982);
}
END_TEST

START_TEST(tickets)
{
    uint8_t hash[32], other[32] = {1};
    crypto_sha256(BLOCK, sizeof BLOCK - 1, hash);
    ready("03", BINDING("02", ""));
    ck_assert_uint_eq(finish(3, 1, BLOCK), 0x9000);
    ck_assert_mem_eq(reply, hash, 32);
    OK(SELECT_PGP); /* forgets the PIN, not the ticket */
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x6982);
    OK(VERIFY_USER);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, other, 32), 0x6985);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x9000);
    ck_assert_uint_eq(reply_len, 64);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x6985); /* once */
    OK(SELECT_ZEGEL);
    OK(VERIFY_USER);
    ck_assert_uint_eq(finish(3, 1, BLOCK), 0x9000);
    hal_ram_advance_ms(30000);
    OK(SELECT_PGP);
    OK(VERIFY_USER);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x6985); /* soon */
    OK(SELECT_ZEGEL);
    OK(VERIFY_USER);
    ck_assert_uint_eq(finish(3, 1, BLOCK " "), 0x692c);
    OK(SELECT_PGP);
    OK(VERIFY_USER);
    ck_assert_uint_eq(command(0, 0x88, 0, 0, hash, 32), 0x6985);
}
END_TEST

/* Of the log's last entry. */
static uint8_t last_verdict(void)
{
    uint8_t body[LEDGER_ENTRY_MAX];
    ck_assert_int_gt(ledger_read(ledger_sequence(), body), 65);
    return body[65];
}

START_TEST(limits)
{
    ready(KEY, BINDING("01", "860400000003")); /* 3 a day */
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x697a);
    boot(); /* pulling the plug is no new day */
    OK(SELECT_ZEGEL);
    OK(VERIFY_USER);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x697a);
    hal_ram_advance_ms(86400000);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
    ready(KEY, BINDING("01", "85040000003c")); /* 60 a minute: one a second, and one ahead */
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x6979);
    hal_ram_advance_ms(1000);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x6979);
    ck_assert_uint_eq(last_verdict(), 0x79);
    ready(KEY, BINDING("03", "860400000001")); /* what is signed blindly has the same limits, and the log has them */
    ck_assert_uint_eq(command(0x80, 0x16, 0x10, 0, "x", 1), 0x9000);
    ck_assert_uint_eq(last_verdict(), 0);
    ck_assert_uint_eq(command(0x80, 0x16, 0x10, 0, "x", 1), 0x697a);
    ck_assert_uint_eq(last_verdict(), 0x7a);
}
END_TEST

/* Every entry's hash is the head after it, over more than one snapshot and over a boot. */
START_TEST(log_is_a_chain)
{
    uint8_t head[32], nonce[32] = {9}, number[8] = {0};
    struct span v, statement, signature, public;
    ready(KEY, BINDING("01", ""));
    for (int i = 0; i < 300; i++)
        ck_assert_uint_eq(finish(0x10, 0, i % 7 == 0 ? "x" : BLOCK), i % 7 == 0 ? 0x690aU : 0x9000U);
    boot();
    OK(SELECT_ZEGEL);
    OK("80ca000000");
    object(0x94, &public);
    uint8_t device[32];
    memcpy(device, public.data, 32);
    object(0x90, &v);
    uint64_t last = tlv_uint(v);
    ck_assert_uint_eq(last, 301);
    object(0x91, &v);
    memcpy(head, v.data, 32);
    ck_assert_uint_eq(command(0x80, 0x40, 0x10, 0, nonce, 32), 0x9000);
    object(0x7f4e, &statement);
    object(0x5f37, &signature);
    verify(device, reply, (size_t)(statement.data + statement.len - reply), signature.data);
    ck_assert(tlv_find(statement, 0x96, &v) && span_eq(v, span_of(nonce, 32)));
    ck_assert(tlv_find(statement, 0x8a, &v) && tlv_uint(v) == 257);
    for (uint64_t n = last; n > 0; n--) {
        uint8_t hash[32];
        number[6] = (uint8_t)(n >> 8);
        number[7] = (uint8_t)n;
        ck_assert_uint_eq(command(0x80, 0x42, 0, 0, number, 8), 0x9000);
        crypto_sha256(reply, reply_len, hash);
        ck_assert_mem_eq(hash, head, 32);
        memcpy(head, reply, 32);
    }
    ck_assert_uint_eq(command(0x80, 0x40, 0x11, 0, nonce, 32), 0x6a88);
    ck_assert_uint_eq(command(0x80, 0x40, 0x10, 0, nonce, 31), 0x6700);
}
END_TEST

/* A ring without one block that is whole or empty is no token's: the boot says so, and does not look for ever. */
START_TEST(log_of_nothing_but_damage)
{
    ready(KEY, BINDING("01", ""));
    for (uint32_t i = 0; i < VAULT_LOG_BLOCKS; i++)
        hal_ram_block(VAULT_LOG_FIRST + i)[HAL_BLOCK_SIZE - 1] ^= 1;
    ck_assert_int_eq(token_boot(), -1);
    memset(hal_ram_block(VAULT_LOG_FIRST + 700), 0, HAL_BLOCK_SIZE);
    boot();
    OK(SELECT_ZEGEL);
    OK(VERIFY_USER);
    ck_assert_uint_eq(finish(0x10, 0, BLOCK), 0x9000);
}
END_TEST

/* PUT DATA of other algorithm attributes deletes a key of the OpenPGP application: the log has that too. */
START_TEST(another_algorithm_is_in_the_log)
{
    uint8_t body[LEDGER_ENTRY_MAX];
    ready("01", BINDING("01", ""));
    OK(SELECT_PGP);
    OK(VERIFY_ADMIN);
    uint64_t before = ledger_sequence();
    OK("00da00c1"
       "06010800002000");
    GIVES("0047810002b60000", 0x6a88);
    ck_assert_uint_eq(ledger_sequence(), before + 1);
    ck_assert_uint_eq(last_verdict(), LEDGER_KEY_DELETED);
    ck_assert_int_gt(ledger_read(before + 1, body), 0);
    ck_assert_uint_eq(body[40], KEY_SIG);
}
END_TEST

/* ---- power */

static struct {
    uint64_t sequence, signatures; /* what was answered before the cut */
    unsigned tries, keys;
    bool making, verified; /* a key was being made; the right PIN was under way, which gives all tries back */
} seen;

static bool step(unsigned sw)
{
    return !hal_ram_power_is_off() && sw != 0x6581;
}

/* Stops where power fails. */
static void script(void)
{
    for (int round = 0; round < 3; round++) {
        if (!step(apdu(SELECT_ZEGEL)))
            return;
        if (!step(apdu(WRONG_USER)))
            return;
        seen.tries = 2;
        if (!step(apdu(VERIFY_ADMIN)))
            return;
        seen.verified = true;
        if (!step(apdu(VERIFY_USER)))
            return;
        seen.tries = 3;
        seen.verified = false;
        seen.making = true;
        if (!step(make(round == 0 ? "10" : round == 1 ? "11" : "12", BINDING("01", ""))))
            return;
        seen.making = false;
        seen.keys++;
        for (int i = 0; i < 2; i++) {
            unsigned sw = finish(0x10, 0, BLOCK);
            if (!step(sw))
                return;
            ck_assert_uint_eq(sw, 0x9000);
            seen.signatures++;
            seen.sequence = ledger_sequence();
        }
    }
}

static unsigned tries_left(void)
{
    unsigned sw = apdu("00200082");
    return sw == 0x6983 ? 0 : sw & 0xf;
}

static void after_the_cut(uint64_t write, uint64_t chance)
{
    struct span v;
    unsigned keys;
    hal_ram_power_on();
    boot();
    ck_assert_msg(ledger_sequence() >= seen.sequence, "write %lu, chance %lu: the log's number fell", write, chance);
    ck_assert_msg(ledger_counter(3)->signatures >= seen.signatures, "write %lu, chance %lu: a counter fell", write, chance);
    OK(SELECT_ZEGEL);
    object(0x95, &v);
    keys = (unsigned)v.len;
    ck_assert_msg(keys == seen.keys || (seen.making && keys == seen.keys + 1), "write %lu, chance %lu: %u keys", write, chance,
                  keys);
    unsigned tries = tries_left();
    ck_assert_msg(tries <= seen.tries || seen.verified, "write %lu, chance %lu: %u tries", write, chance, tries);
    ck_assert_uint_eq(apdu(VERIFY_USER), 0x9000);
    for (unsigned i = 0; i < keys; i++) /* whole, or not there */
        ck_assert_uint_eq(finish((uint8_t)(0x10 + i), 0, BLOCK), 0x9000);
    ck_assert_uint_ge(ledger_sequence(), seen.sequence + keys);
}

/* Cut at every write of a session; lost, torn in two places, or whole. */
START_TEST(power_cut_at_every_write)
{
    uint64_t cuts = 0;
    for (uint64_t chance = 0; chance < 4; chance++) {
        for (uint64_t write = 1;; write++, cuts++) {
            memset(&seen, 0, sizeof seen);
            seen.tries = 3;
            fresh();
            hal_ram_cut(write, chance);
            script();
            if (!hal_ram_power_is_off())
                break;
            after_the_cut(write, chance);
        }
    }
    printf("%lu cuts\n", cuts);
    ck_assert_uint_gt(cuts, 100);
}
END_TEST

/* Cut at every write of setting up an empty store: it is set up at the next start. */
START_TEST(power_cut_of_the_first_start)
{
    for (uint64_t chance = 0; chance < 4; chance++) {
        for (uint64_t write = 1; write < 100; write++) {
            hal_ram_reset();
            ck_assert_int_eq(crypto_init(), CRYPTO_OK);
            hal_ram_cut(write, chance);
            int booted = token_boot();
            if (!hal_ram_power_is_off()) {
                ck_assert_int_eq(booted, 0);
                break;
            }
            hal_ram_power_on();
            boot();
            OK(SELECT_ZEGEL);
            OK(VERIFY_USER);
        }
    }
}
END_TEST

/* A wrong PIN, and the power pulled before the token can say so, however often: never more than three tries. */
START_TEST(power_cut_gives_no_try)
{
    for (uint64_t chance = 0; chance < 4; chance++) {
        unsigned tries = 3;
        fresh();
        for (int i = 0; i < 8 && tries > 0; i++) {
            OK(SELECT_ZEGEL);
            hal_ram_cut(1, chance);
            ck_assert_uint_eq(apdu(VERIFY_USER), 0x6581); /* even the right one is not compared */
            hal_ram_power_on();
            boot();
            OK(SELECT_ZEGEL);
            unsigned now = tries_left();
            ck_assert_uint_le(now, tries);
            tries = now;
        }
    }
}
END_TEST

UNIT_MAIN("fw_dkim", signs_a_block, bindings_that_are_none, no_blind_signature, sign_is_for_blind_keys, tickets, limits,
          log_is_a_chain, log_of_nothing_but_damage, another_algorithm_is_in_the_log, power_cut_at_every_write,
          power_cut_of_the_first_start, power_cut_gives_no_try)
