/* Backup: n of m shares make the domain again in another token, and keys that may leave go there wrapped, with their binding. */
#include <openssl/evp.h>

#include "core/backup.h"
#include "firmware/card.h"

enum { SHARES = BACKUP_SHARES_MAX, BOX_MAX = 3000 };

#define BLOCK(a)                                                                                                                 \
    "from:a@example.nl\r\ndkim-signature:v=1; a=" a "-sha256; c=relaxed/relaxed; d=example.nl; s=s1; t=1700000000; "             \
    "h=From:From; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b="
/* d=example.nl, s=s1, with these bits, policy and flags */
#define BINDING(bits, policy, flags) "8002" bits "8101" policy "820a6578616d706c652e6e6c830273318401" flags

static uint8_t shares[SHARES][BACKUP_SHARE];

static unsigned create(uint8_t number, const char *binding)
{
    uint8_t data[256];
    return command(0x80, 0x30, number, 0, data, from_hex(binding, data));
}

static void admin(void)
{
    OK(SELECT_ZEGEL);
    OK(VERIFY_ADMIN);
}

static bool has_domain(void)
{
    struct span id;
    OK("80ca000000");
    return tlv_find(span_of(reply, reply_len), 0x99, &id);
}

/* A new token with a domain, all of whose shares were read. */
static void with_domain(uint8_t n, uint8_t m)
{
    fresh();
    admin();
    ck_assert_uint_eq(command(0x80, 0x50, n, m, NULL, 0), 0x9000);
    for (uint8_t i = 1; i <= m; i++) {
        ck_assert(!has_domain());
        ck_assert_uint_eq(command(0x80, 0x52, i, 0, NULL, 0), 0x9000);
        ck_assert_uint_eq(reply_len, BACKUP_SHARE);
        memcpy(shares[i - 1], reply, BACKUP_SHARE);
        ck_assert_uint_eq(command(0x80, 0x52, i, 0, NULL, 0), 0x6985); /* once */
    }
    ck_assert(has_domain());
}

static unsigned join(unsigned share)
{
    return command(0x80, 0x54, 0, 0, shares[share], BACKUP_SHARE);
}

static size_t exported(uint8_t number, uint8_t box[BOX_MAX])
{
    ck_assert_uint_eq(command(0x80, 0x56, number, 0, NULL, 0), 0x9000);
    ck_assert_uint_le(reply_len, BOX_MAX);
    memcpy(box, reply, reply_len);
    return reply_len;
}

static void key_info(uint8_t number, struct span *public, struct span *origin)
{
    ck_assert_uint_eq(command(0x80, 0x32, number, 0, NULL, 0), 0x9000);
    ck_assert(tlv_find(span_of(reply, reply_len), 0x8c, public) && tlv_find(span_of(reply, reply_len), 0x89, origin));
}

static unsigned sign(uint8_t number, const char *block)
{
    ck_assert_uint_eq(command(0x80, 0x10, number, 0, NULL, 0), 0x9000);
    return command(0x80, 0x14, 0, 0, block, strlen(block));
}

/* Any n of the shares, in any order; n - 1 are not enough. */
START_TEST(any_n_of_m)
{
    static const uint8_t sizes[][2] = {{2, 2}, {2, 3}, {3, 5}, {5, 16}, {16, 16}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        uint8_t n = sizes[s][0], m = sizes[s][1];
        with_domain(n, m);
        for (unsigned first = 0; first < m; first++) {
            fresh();
            admin();
            for (unsigned i = 0; i < n; i++) {
                ck_assert(!has_domain());
                ck_assert_uint_eq(join((first + i * (m > n ? 2U : 1U)) % m), 0x9000);
                if (reply[0] != n - i - 1) /* the same share came twice: it counts once */
                    ck_assert_uint_eq(join((first + i * 2 + 1) % m), 0x9000);
            }
            ck_assert(has_domain());
            boot();
            OK(SELECT_ZEGEL);
            ck_assert(has_domain());
        }
    }
}
END_TEST

START_TEST(keys_go_with_their_binding)
{
    static const char *const bits[] = {"0000", "0800"};
    static const char *const blocks[] = {BLOCK("ed25519"), BLOCK("rsa")};
    for (size_t i = 0; i < 2; i++) {
        uint8_t box[BOX_MAX], public[512], text[64] = {'t'};
        struct span p, origin;
        char binding[128];
        with_domain(2, 3);
        (void)snprintf(binding, sizeof binding,
                       "8002%s"
                       "810101820a6578616d706c652e6e6c8302733184010986040000000a",
                       bits[i]);
        ck_assert_uint_eq(create(0x10, binding), 0x9000);
        key_info(0x10, &p, &origin);
        ck_assert_uint_eq(origin.data[0], KEY_MADE_HERE);
        memcpy(public, p.data, p.len);
        size_t public_len = p.len, len = exported(0x10, box);
        fresh();
        admin();
        ck_assert_uint_eq(command(0x80, 0x58, 0x15, 0, box, len), 0x6985); /* no domain */
        ck_assert_uint_eq(join(2), 0x9000);
        ck_assert_uint_eq(join(0), 0x9000);
        ck_assert_uint_eq(command(0x80, 0x58, 0x01, 0, box, len), 0x6a88); /* not into the OpenPGP application */
        ck_assert_uint_eq(command(0x80, 0x58, 0x15, 0, box, len), 0x9000);
        ck_assert_uint_eq(command(0x80, 0x58, 0x15, 0, box, len), 0x6a89);
        boot();
        OK(SELECT_ZEGEL);
        OK(VERIFY_USER);
        key_info(0x15, &p, &origin);
        ck_assert_uint_eq(origin.data[0], KEY_RESTORED);
        ck_assert_uint_eq(p.len, public_len);
        ck_assert_mem_eq(p.data, public, public_len);
        ck_assert_uint_eq(sign(0x15, blocks[i]), 0x9000);
        ck_assert_uint_eq(reply_len, i == 0 ? 64 : 256);
        ck_assert_uint_eq(sign(0x15, blocks[!i]), 0x6930);                          /* a= is not the key's */
        ck_assert_uint_eq(command(0x80, 0x16, 0x15, 0, text, sizeof text), 0x6985); /* dkim-only it stays */
        for (int n = 1; n < 10; n++)
            ck_assert_uint_eq(sign(0x15, blocks[i]), 0x9000);
        ck_assert_uint_eq(sign(0x15, blocks[i]), 0x697a); /* and capped */
    }
}
END_TEST

START_TEST(only_what_was_chosen)
{
    uint8_t box[BOX_MAX];
    fresh();
    OK(SELECT_ZEGEL);
    OK(VERIFY_USER);
    GIVES("80500203", 0x6982);
    GIVES("80520100", 0x6982);
    GIVES("80561000", 0x6982);
    admin();
    ck_assert_uint_eq(create(0x10, BINDING("0000", "01", "08")), 0x6985); /* no domain yet */
    ck_assert_uint_eq(create(0x10, BINDING("0000", "01", "00")), 0x9000);
    static const uint8_t bad[][2] = {{0, 0}, {1, 1}, {1, 3}, {3, 2}, {2, 17}, {17, 17}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_uint_eq(command(0x80, 0x50, bad[i][0], bad[i][1], NULL, 0), 0x6a86);
    with_domain(2, 2);
    ck_assert_uint_eq(create(0x10, BINDING("0000", "01", "00")), 0x9000);
    ck_assert_uint_eq(create(0x11, BINDING("0000", "01", "08")), 0x9000);
    ck_assert_uint_eq(create(0x12, BINDING("0000", "01", "10")), 0x6a80);
    ck_assert_uint_eq(command(0x80, 0x56, 0x10, 0, NULL, 0), 0x6985); /* not chosen */
    ck_assert_uint_eq(command(0x80, 0x56, 0x13, 0, NULL, 0), 0x6a88);
    ck_assert_uint_eq(command(0x80, 0x50, 2, 2, NULL, 0), 0x6a89); /* no second domain to wrap for */
    ck_assert_uint_eq(join(0), 0x6a89);
    size_t len = exported(0x11, box);
    OK("80341100");
    for (size_t at = 0; at < len; at += 13) { /* changed anywhere, cut anywhere */
        box[at] ^= 0x40;
        ck_assert_uint_eq(command(0x80, 0x58, 0x11, 0, box, len), 0x6a80);
        box[at] ^= 0x40;
        ck_assert_uint_eq(command(0x80, 0x58, 0x11, 0, box, at), 0x6a80);
    }
    ck_assert_uint_eq(command(0x80, 0x58, 0x11, 0, box, len), 0x9000);
    ck_assert_uint_eq(len, exported(0x11, box)); /* it may leave again */
    OK(SELECT_PGP);
    OK(VERIFY_ADMIN);
    OK("00e60000");
    OK("00440000");
    admin();
    ck_assert(!has_domain()); /* with the keys it goes */
    ck_assert_uint_eq(command(0x80, 0x50, 2, 2, NULL, 0), 0x9000);
    ck_assert_uint_eq(command(0x80, 0x52, 1, 0, NULL, 0), 0x9000);
    OK(SELECT_PGP);
    OK(VERIFY_ADMIN);
    OK("00e60000");
    OK("00440000");
    admin();
    ck_assert_uint_eq(command(0x80, 0x52, 2, 0, NULL, 0), 0x6985); /* one in the making too */
}
END_TEST

/* Who can write to the medium takes the domain out of it, and as administrator makes one of their own: the keys that may leave do
 * not leave for that one. */
START_TEST(keys_keep_their_domain)
{
    static uint8_t before[VAULT_LOG_FIRST][HAL_BLOCK_SIZE];
    uint8_t box[BOX_MAX];
    fresh();
    admin();
    ck_assert_uint_eq(command(0x80, 0x50, 2, 2, NULL, 0), 0x9000);
    ck_assert_uint_eq(command(0x80, 0x52, 1, 0, NULL, 0), 0x9000);
    for (uint32_t i = 0; i < VAULT_LOG_FIRST; i++)
        memcpy(before[i], hal_ram_block(i), HAL_BLOCK_SIZE);
    ck_assert_uint_eq(command(0x80, 0x52, 2, 0, NULL, 0), 0x9000);
    bool of_domain[VAULT_LOG_FIRST];
    for (uint32_t i = 0; i < VAULT_LOG_FIRST; i++)
        of_domain[i] = memcmp(before[i], hal_ram_block(i), HAL_BLOCK_SIZE) != 0;
    ck_assert_uint_eq(create(0x10, BINDING("0000", "01", "08")), 0x9000);
    size_t len = exported(0x10, box);
    for (uint32_t i = 0; i < VAULT_LOG_FIRST; i++)
        if (of_domain[i])
            memcpy(hal_ram_block(i), before[i], HAL_BLOCK_SIZE);
    boot();
    admin();
    ck_assert(!has_domain());
    ck_assert_uint_eq(command(0x80, 0x56, 0x10, 0, NULL, 0), 0x6985);
    ck_assert_uint_eq(command(0x80, 0x50, 2, 2, NULL, 0), 0x9000);
    for (uint8_t i = 1; i <= 2; i++)
        ck_assert_uint_eq(command(0x80, 0x52, i, 0, NULL, 0), 0x9000);
    ck_assert(has_domain());
    ck_assert_uint_eq(command(0x80, 0x56, 0x10, 0, NULL, 0), 0x6985);
    ck_assert_uint_eq(command(0x80, 0x58, 0x11, 0, box, len), 0x6a80);
    ck_assert_uint_eq(create(0x11, BINDING("0000", "01", "08")), 0x9000);
    (void)exported(0x11, box); /* one of the new domain's does */
}
END_TEST

START_TEST(shares_that_are_none)
{
    uint8_t other[BACKUP_SHARE], hash[32];
    with_domain(2, 2);
    memcpy(other, shares[0], sizeof other);
    with_domain(3, 3);
    fresh();
    admin();
    for (size_t at = 0; at < BACKUP_SHARE; at++) {
        shares[0][at] ^= 1;
        ck_assert_uint_eq(join(0), 0x6a80);
        shares[0][at] ^= 1;
        ck_assert_uint_eq(command(0x80, 0x54, 0, 0, shares[0], at), 0x6a80);
    }
    ck_assert_uint_eq(join(0), 0x9000);
    ck_assert_uint_eq(command(0x80, 0x54, 0, 0, other, sizeof other), 0x6a80); /* of another domain */
    shares[1][12] ^= 1;                                                        /* a lying custodian, with the right checksum */
    crypto_sha256(shares[1], BACKUP_SHARE - 4, hash);
    memcpy(shares[1] + BACKUP_SHARE - 4, hash, 4);
    ck_assert_uint_eq(join(1), 0x9000);
    ck_assert_uint_eq(join(2), 0x6a80);
    ck_assert(!has_domain());
    ck_assert_uint_eq(join(0), 0x9000); /* from the beginning */
    ck_assert_uint_eq(reply[0], 2);
}
END_TEST

/* A box of the right domain with a binding that CREATE KEY would have refused. */
START_TEST(boxes_of_no_key)
{
    static const uint8_t seed[32] = {1}, wrapping[32] = {2};
    const struct key good = {
        .policy = KEY_DKIM_ONLY, .rate = KEY_RATE_MAX, .domain = "nl", .domain_len = 2, .selector = "s", .selector_len = 1};
    struct key all[] = {good, good, good, good, good, good};
    all[1].rate++;
    all[2].policy = KEY_BLIND + 1;
    all[3].flags = KEY_FLAGS + 1;
    all[4].domain_len = 0;
    all[5].selector[0] = ' ';
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        static uint8_t box[BOX_MAX];
        struct tlv_out out = tlv_out_of(box, sizeof box);
        fresh();
        ck_assert_int_eq(keys_import_ed25519(KEY_OWN, &all[i], seed), SW_OK);
        ck_assert_int_eq(keys_wrap(KEY_OWN, wrapping, SPAN_LIT("box"), &out), SW_OK);
        ck_assert_int_eq(keys_unwrap(KEY_OWN + 1, wrapping, SPAN_LIT("box"), span_of(box, out.len)),
                         i == 0 ? SW_OK : SW_WRONG_DATA);
        ck_assert((keys_get(KEY_OWN + 1) != NULL) == (i == 0));
    }
}
END_TEST

/* Power that fails at any write while the last share is read: a whole domain, or none; and a key is restored whole or not. */
START_TEST(power_cut_at_every_write)
{
    uint8_t box[BOX_MAX];
    with_domain(2, 2);
    ck_assert_uint_eq(create(0x10, BINDING("0000", "01", "08")), 0x9000);
    size_t len = exported(0x10, box);
    for (uint64_t write = 1, done = 0; !done; write++)
        for (uint64_t chance = 0; chance < 4; chance++) {
            struct span public, origin;
            fresh();
            admin();
            ck_assert_uint_eq(join(1), 0x9000);
            hal_ram_cut(write, chance);
            (void)join(0);
            (void)command(0x80, 0x58, 0x10, 0, box, len);
            done = !hal_ram_power_is_off();
            hal_ram_power_on();
            boot();
            admin();
            if (!has_domain()) {
                ck_assert_uint_eq(join(1), 0x9000);
                ck_assert_uint_eq(join(0), 0x9000);
            }
            unsigned sw = command(0x80, 0x58, 0x10, 0, box, len);
            ck_assert(sw == 0x9000 || sw == 0x6a89);
            key_info(0x10, &public, &origin);
            ck_assert_uint_eq(origin.data[0], KEY_RESTORED);
            OK(VERIFY_USER);
            ck_assert_uint_eq(sign(0x10, BLOCK("ed25519")), 0x9000);
        }
}
END_TEST

UNIT_MAIN("fw_backup", any_n_of_m, keys_go_with_their_binding, only_what_was_chosen, keys_keep_their_domain, shares_that_are_none,
          boxes_of_no_key, power_cut_at_every_write)
