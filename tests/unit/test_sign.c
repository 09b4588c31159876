/* The engine end to end, with keys in memory: RFC 8463 A, round trips, chunk invariance. */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"
#include "dkim/base64.h"
#include "dkim/canon_header.h"
#include "dkim/verify.h"
#include "memory.h"
#include "unit.h"

static const char message[] = "From: Joe SixPack <joe@football.example.com>\r\n"
                              "To: Suzie Q <suzie@shopping.example.net>\r\n"
                              "Subject: Is dinner ready?\r\n"
                              "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
                              "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
                              "\r\n"
                              "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

static const char rfc8463_ed25519[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
                                      " d=football.example.com; i=@football.example.com;\r\n"
                                      " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
                                      " subject : date : message-id : from : subject : date;\r\n"
                                      " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                                      " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
                                      " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n";

static const char rfc8463_rsa[] = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
                                  " d=football.example.com; i=@football.example.com;\r\n"
                                  " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
                                  " date : message-id : from : subject : date;\r\n"
                                  " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                                  " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
                                  " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
                                  " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n";

static const char brisbane[] = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
static const char test_rsa[] =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY"
    "/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2"
    "kryOTIKT+l/K4w3QIDAQAB";

static enum verify_key_status lookup(void *arg, const char *name, struct verify_key *key)
{
    (void)arg;
    if (strcmp(name, "brisbane._domainkey.football.example.com") == 0)
        out_str(&key->txt, brisbane);
    else if (strcmp(name, "test._domainkey.football.example.com") == 0)
        out_str(&key->txt, test_rsa);
    else if (strcmp(name, "later._domainkey.football.example.com") == 0)
        return VERIFY_KEY_TRY_LATER;
    else
        return VERIFY_KEY_NONE;
    return VERIFY_KEY_FOUND;
}

/* Feeds header and body, the body in chunks of `step`. */
static void feed(struct dkim_sign *m, struct bytes text, size_t step)
{
    dkim_sign_start(m);
    size_t body = header_parse(&m->header, text);
    dkim_sign_body_start(m, true, true);
    for (size_t at = body; at < text.len; at += step)
        dkim_sign_body(m, bytes_slice(text, at, at + step));
    ck_assert(dkim_sign_body_end(m));
}

static struct verification verify_first(const char *fields, const char *text)
{
    struct verification v[VERIFY_RESULTS_MAX];
    struct dkim_sign *m = dkim_sign_new();
    struct buf whole = BUF_INIT;
    buf_add_str(&whole, fields);
    buf_add_str(&whole, text);
    feed(m, buf_bytes(&whole), 1);
    ck_assert_uint_ge(verify_message(m, 1528637910, lookup, NULL, v), 1);
    v[0].sig = (struct sigheader){0}; /* its views die here */
    dkim_sign_free(m);
    buf_free(&whole);
    return v[0];
}

START_TEST(rfc8463_verifies)
{
    ck_assert_int_eq(verify_first(rfc8463_ed25519, message).result, VERIFY_PASS);
    ck_assert_int_eq(verify_first(rfc8463_rsa, message).result, VERIFY_PASS);
    ck_assert_str_ne(verify_first(rfc8463_rsa, message).reason, ""); /* 1024 bits: weak */
}
END_TEST

START_TEST(every_changed_octet_fails)
{
    char changed[sizeof message];
    for (size_t i = 0; i + 1 < sizeof message; i++) {
        memcpy(changed, message, sizeof message);
        changed[i] ^= 0x01;
        struct verification v = verify_first(rfc8463_ed25519, changed);
        ck_assert_msg(v.result != VERIFY_PASS, "octet %zu", i);
    }
}
END_TEST

/* RFC 8463 A.2's private key: RFC 8032 §7.1 test 1. */
static size_t ed25519_sign(const uint8_t hash[DKIM_HASH_LEN], uint8_t sig[64])
{
    uint8_t seed[33];
    struct out o = out_of(seed, sizeof seed);
    ck_assert(base64_decode(BYTES_LIT("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="), &o));
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 64;
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, sig, &len, hash, DKIM_HASH_LEN), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
    return len;
}

START_TEST(rfc8463_signature_to_the_byte)
{
    /* The published field with b= cut out, over the published message, gives the published signature. */
    static const char *const canonical = "from:Joe SixPack <joe@football.example.com>\r\n"
                                         "to:Suzie Q <suzie@shopping.example.net>\r\n"
                                         "subject:Is dinner ready?\r\n"
                                         "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
                                         "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n";
    uint8_t room[4096], hash[DKIM_HASH_LEN], sig[64], text[128];
    struct out block = out_of(room, sizeof room), b = out_of(text, sizeof text);
    struct bytes field = bytes_str(rfc8463_ed25519);
    size_t colon = bytes_find(field, ':'), end = (size_t)(strstr(rfc8463_ed25519, " b=") + 3 - rfc8463_ed25519);
    struct header_field cut = {bytes_slice(field, 0, colon), bytes_slice(field, colon + 1, end)};
    out_str(&block, canonical);
    canon_header_last(true, &cut, &block);
    ck_assert(digest_sha256(out_bytes(&block), hash));
    base64_encode(bytes_of(sig, ed25519_sign(hash, sig)), &b);
    ck_assert(bytes_eq(out_bytes(&b),
                       BYTES_LIT("/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==")));
}
END_TEST

static struct sigheader_params params(bool relaxed_header, bool relaxed_body)
{
    return (struct sigheader_params){
        .algorithm = DKIM_ED25519_SHA256,
        .relaxed_header = relaxed_header,
        .relaxed_body = relaxed_body,
        .domain = BYTES_LIT("football.example.com"),
        .selector = BYTES_LIT("brisbane"),
        .identity = BYTES_LIT("@football.example.com"),
        .timestamp = 1528637909,
        .expire = 1529637909,
    };
}

/* Signs `message` and returns the whole field. */
static void sign(struct dkim_sign *m, const struct sigheader_params *p, struct buf *field)
{
    uint8_t value_room[DKIM_FIELD_MAX], block_room[8192], hash[DKIM_HASH_LEN], sig[64];
    struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
    ck_assert(dkim_sign_block(m, p, &select_default, &value, &block));
    ck_assert(digest_sha256(out_bytes(&block), hash));
    sigheader_add_signature(bytes_of(sig, ed25519_sign(hash, sig)), &value);
    ck_assert(!value.overflow);
    buf_clear(field);
    buf_add_str(field, "DKIM-Signature:");
    buf_add(field, out_bytes(&value));
    buf_add_str(field, "\r\n");
}

START_TEST(round_trip_in_all_canonicalisations)
{
    struct dkim_sign *m = dkim_sign_new();
    struct buf field = BUF_INIT;
    for (int c = 0; c < 4; c++) {
        struct sigheader_params p = params(c & 1, c & 2);
        feed(m, bytes_str(message), 1000);
        sign(m, &p, &field);
        struct verification v = verify_first(buf_cstr(&field), message);
        ck_assert_msg(v.result == VERIFY_PASS, "c=%d: %s", c, v.reason);
        /* a second Subject or From, added above, must break it */
        struct buf forged = BUF_INIT;
        buf_add(&forged, buf_bytes(&field));
        buf_add_str(&forged, "Subject: forged\r\n");
        ck_assert_int_eq(verify_first(buf_cstr(&forged), message).result, VERIFY_FAIL); /* oversigned: absent when signed */
        buf_free(&forged);
    }
    buf_free(&field);
    dkim_sign_free(m);
}
END_TEST

START_TEST(chunks_do_not_matter)
{
    struct dkim_sign *m = dkim_sign_new();
    struct buf first = BUF_INIT, other = BUF_INIT;
    struct sigheader_params p = params(true, true);
    feed(m, bytes_str(message), sizeof message);
    sign(m, &p, &first);
    for (size_t step = 1; step < 100; step++) {
        feed(m, bytes_str(message), step);
        sign(m, &p, &other);
        ck_assert(bytes_eq(buf_bytes(&first), buf_bytes(&other)));
    }
    buf_free(&first);
    buf_free(&other);
    dkim_sign_free(m);
}
END_TEST

START_TEST(lines_are_folded)
{
    struct dkim_sign *m = dkim_sign_new();
    struct buf field = BUF_INIT;
    struct sigheader_params p = params(true, true);
    feed(m, bytes_str(message), 10);
    sign(m, &p, &field);
    struct bytes rest = buf_bytes(&field);
    while (rest.len > 0) {
        size_t lf = bytes_find(rest, '\n');
        ck_assert_uint_le(lf, 79);
        rest = bytes_slice(rest, lf + 1, rest.len);
    }
    buf_free(&field);
    dkim_sign_free(m);
}
END_TEST

static const char *replaced(const char *from, const char *to, struct buf *out)
{
    const char *at = strstr(rfc8463_ed25519, from);
    ck_assert_ptr_nonnull(at);
    buf_clear(out);
    buf_add(out, bytes_of(rfc8463_ed25519, (size_t)(at - rfc8463_ed25519)));
    buf_add_str(out, to);
    buf_add_str(out, at + strlen(from));
    return buf_cstr(out);
}

START_TEST(bad_signature_fields)
{
    static const struct {
        const char *from, *to;
        enum verify_result want;
    } cases[] = {
        {"v=1", "v=2", VERIFY_PERMERROR},
        {"v=1; ", "", VERIFY_PERMERROR},
        {"a=ed25519-sha256", "a=rsa-sha1", VERIFY_POLICY},
        {"a=ed25519-sha256", "a=rsa-sha256", VERIFY_PERMERROR},
        {"c=relaxed/relaxed", "c=nofws", VERIFY_PERMERROR},
        {"s=brisbane", "s=nosuch", VERIFY_PERMERROR},
        {"s=brisbane", "s=later", VERIFY_TEMPERROR},
        {"i=@football.example.com", "i=@example.com", VERIFY_PERMERROR},
        {"i=@football.example.com", "i=@otherfootball.example.com", VERIFY_PERMERROR},
        {"t=1528637909", "t=1528637909; x=1528637909", VERIFY_PERMERROR},
        {"t=1528637909", "t=1528637901; x=1528637902", VERIFY_FAIL},
        {"t=1528637909", "t=1528637909; l=5", VERIFY_POLICY},
        {"t=1528637909", "t=1528637909; t=1528637909", VERIFY_PERMERROR},
        {"t=1528637909", "t=-1", VERIFY_PERMERROR},
        {"h=from :", "h=", VERIFY_FAIL},
        {"q=dns/txt", "q=http", VERIFY_PERMERROR},
        {"bh=2jUS", "bh=QUFB;", VERIFY_PERMERROR}, /* CVE-2020-28025's form */
        {"bh=2jUS", "bh=3jUS", VERIFY_FAIL},
        {"b=/gCr", "b=!gCr", VERIFY_PERMERROR},
        {"b=/gCr", "b=/gCs", VERIFY_FAIL},
    };
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verification v = verify_first(replaced(cases[i].from, cases[i].to, &out), message);
        ck_assert_msg(v.result == cases[i].want, "%s: %s %s", cases[i].to, verify_result_name(v.result), v.reason);
    }
    buf_free(&out);
}
END_TEST

/* The names of h=, in order, as `policy` selects them from `text`. */
static void ck_selected(const struct select_policy *policy, const char *text, const char *expected)
{
    static struct header h;
    struct selected sel;
    struct buf names = BUF_INIT;
    header_init(&h);
    (void)header_parse(&h, bytes_str(text));
    ck_assert(select_fields(policy, &h, &sel));
    for (size_t i = 0; i < sel.count; i++)
        buf_addf(&names, "%s%s%s", i == 0 ? "" : ":", sel.entries[i].name, sel.entries[i].field == SELECT_ABSENT ? "!" : "");
    ck_assert_str_eq(buf_cstr(&names), expected);
    buf_free(&names);
}

START_TEST(selection)
{
    static const char *const from[] = {"From", "To", NULL}, *const list[] = {"List-Unsubscribe", "To", NULL},
                             *const sign[] = {"Sender", "from", "LIST-UNSUBSCRIBE", "X-A", NULL};
    const struct select_policy p = {.oversign = from, .oversign_present = list, .sign = sign};
    ck_selected(&p, "", "From!:To!");
    ck_selected(&p, "From: a\r\nX-A: 1\r\nx-a: 2\r\nSender: b\r\n", "From:From!:To!:Sender:X-A:X-A");
    ck_selected(&p, "List-unsubscribe: a\r\nFrom: a\r\n", "From:From!:To!:List-Unsubscribe:List-Unsubscribe!");
    ck_selected(&(const struct select_policy){.sign = sign}, "FROM: a\r\nTo: b\r\n", "from");
    ck_selected(&select_default, "From: a\r\nMessage-ID: x\r\nList-Id: l\r\nList-Unsubscribe: u\r\n",
                "From:From!:To!:Cc!:Subject!:Date!:Reply-To!:MIME-Version!:Content-Type!:Content-Transfer-Encoding!:"
                "Message-ID:Message-ID!:List-Unsubscribe:List-Unsubscribe!:List-Id");
}
END_TEST

/* Whichever allocation fails: either the hash of the body is right, or there is none. */
START_TEST(memory_short)
{
    static const char line[] = "The quick brown fox jumps over the lazy dog, and over the seal of the realm.\r\n";
    uint8_t want[DKIM_HASH_LEN] = {0}, got[DKIM_HASH_LEN] = {0};
    unsigned failures = 0;
    bool reached = true;
    for (unsigned n = 0; reached; n++) {
        memory_fails_at(n == 0 ? UINT_MAX : n); /* first of all none */
        struct digest *d = digest_new();
        bool ok = d != NULL;
        if (ok) {
            digest_start(d);
            for (int i = 0; i < 100; i++)
                digest_update(d, BYTES_LIT(line));
            ok = digest_final(d, n == 0 ? want : got);
            digest_free(d);
        }
        reached = memory_failed() || n == 0;
        failures += !ok;
        ck_assert(n != 0 || ok);
        ck_assert(n == 0 || !ok || memcmp(want, got, sizeof got) == 0);
    }
    ck_assert_uint_gt(failures, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {selection,
                                  rfc8463_verifies,
                                  every_changed_octet_fails,
                                  rfc8463_signature_to_the_byte,
                                  round_trip_in_all_canonicalisations,
                                  chunks_do_not_matter,
                                  lines_are_folded,
                                  bad_signature_fields,
                                  memory_short};
    return memory_hook() ? unit_run("sign", tests, sizeof tests / sizeof tests[0]) : EXIT_FAILURE;
}
