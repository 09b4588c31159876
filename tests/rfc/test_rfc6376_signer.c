/* RFC 6376 §3.5, §3.7, §5: the signer's half; RFC 8301, 8463, 8616; RFC 5322 §2.1.1, §3.6 where they bind what is made. */
#include "forge.h"

static const char message[] =
    "Return-Path: <x@example.nl>\r\nReceived: by mx\r\nReceived: by mx2\r\nFrom: Jan <jan@example.nl>\r\nTo: els@example.org\r\n"
    "Subject: one\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nMessage-ID: <1@example.nl>\r\n"
    "List-Unsubscribe: <https://example.nl/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello.\r\n";

static const struct sigheader_params params = {.algorithm = DKIM_ED25519_SHA256,
                                               .relaxed_header = true,
                                               .relaxed_body = true,
                                               .domain = BYTES_LIT("example.nl"),
                                               .selector = BYTES_LIT("ed"),
                                               .timestamp = 1700000000};

/* The field that the engine makes for `text`, with b= filled in. */
static void made(const char *text, const struct sigheader_params *p, struct buf *field)
{
    static uint8_t value_room[DKIM_FIELD_MAX], block_room[DKIM_BLOCK_MAX];
    struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
    uint8_t hash[DKIM_HASH_LEN], sig[DKIM_SIGNATURE_MAX];
    struct dkim_sign *m = dkim_sign_new();
    forge_feed(m, bytes_str(text), 100);
    ck_assert(dkim_sign_block(m, p, &select_default, &value, &block));
    ck_assert(digest_sha256(out_bytes(&block), hash));
    sigheader_add_signature(
        bytes_of(sig, forge_raw_sign(p->algorithm == DKIM_ED25519_SHA256 ? FORGE_ED : FORGE_RSA2048, hash, sig)), &value);
    buf_clear(field);
    buf_add(field, out_bytes(&value));
    dkim_sign_free(m);
}

static struct taglist tags_of(const struct buf *field)
{
    struct taglist t;
    ck_assert(taglist_parse(buf_bytes(field), &t));
    return t;
}

static unsigned named(const struct buf *field, const char *name)
{
    struct taglist t = tags_of(field);
    struct bytes rest = taglist_get(&t, "h"), n;
    unsigned count = 0;
    while (sigheader_next_name(&rest, &n))
        count += bytes_ieq(n, bytes_str(name));
    return count;
}

START_TEST(tags)
{
    struct buf field = BUF_INIT;
    struct sigheader_params p = params;
    made(message, &p, &field);
    struct taglist t = tags_of(&field);
    ck_assert(bytes_eq(t.tags[0].name, BYTES_LIT("v")) && bytes_eq(t.tags[0].value, BYTES_LIT("1")));
    ck_assert(bytes_eq(taglist_get(&t, "a"), BYTES_LIT("ed25519-sha256")));
    ck_assert(bytes_eq(taglist_get(&t, "c"), BYTES_LIT("relaxed/relaxed"))); /* both are named: the defaults differ */
    ck_assert(bytes_eq(taglist_get(&t, "t"), BYTES_LIT("1700000000")));
    ck_assert_ptr_null(taglist_get(&t, "l").data); /* §8.2: never */
    ck_assert_ptr_null(taglist_get(&t, "z").data); /* §3.5: tells what was there, and grows */
    ck_assert_ptr_null(taglist_get(&t, "x").data);
    ck_assert_ptr_null(taglist_get(&t, "i").data);
    p.expire = p.timestamp + 86400;
    p.identity = BYTES_LIT("@example.nl");
    made(message, &p, &field);
    t = tags_of(&field);
    ck_assert(bytes_eq(taglist_get(&t, "x"), BYTES_LIT("1700086400")));
    ck_assert(bytes_eq(taglist_get(&t, "i"), BYTES_LIT("@example.nl")));
    buf_free(&field);
}
END_TEST

/* §5.4: "The From header field MUST be signed"; §5.4.1's list; §8.15: once more than they are there. */
START_TEST(fields)
{
    static const struct {
        const char *name;
        unsigned want; /* there + 1 when it is oversigned */
    } cases[] = {{"From", 2},
                 {"To", 2},
                 {"Subject", 2},
                 {"Date", 1},
                 {"Cc", 1},
                 {"Reply-To", 1},
                 {"MIME-Version", 2},
                 {"Content-Type", 2},
                 {"Content-Transfer-Encoding", 1},
                 {"Message-ID", 2}, /* once more where it is there */
                 {"List-Unsubscribe", 2},
                 {"List-Unsubscribe-Post", 2},
                 {"In-Reply-To", 0},
                 {"List-Id", 0},
                 {"Sender", 0}, /* not there: a list may add them */
                 {"Return-Path", 0},
                 {"Received", 0},
                 {"DKIM-Signature", 0}}; /* §5.4: SHOULD NOT; §3.5: MUST NOT */
    struct buf field = BUF_INIT;
    made(message, &params, &field);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(named(&field, cases[i].name) == cases[i].want, "%s: %u", cases[i].name, named(&field, cases[i].name));
    buf_free(&field);
}
END_TEST

/* RFC 8058 §4: "MUST have a valid DKIM signature that covers at least the List-Unsubscribe and List-Unsubscribe-Post". */
START_TEST(one_click)
{
    struct buf field = BUF_INIT;
    made(message, &params, &field);
    struct buf whole = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    buf_add_str(&whole, "DKIM-Signature:");
    buf_add(&whole, buf_bytes(&field));
    buf_add_str(&whole, "\r\n");
    size_t body = whole.len;
    buf_add_str(&whole, message);
    (void)forge_verify(buf_bytes(&whole), forge_zone_default, v);
    ck_assert_int_eq(v[0].result, VERIFY_PASS);
    char *evil = strstr((char *)whole.data + body, "https://example.nl/u");
    evil[19] = 'v';
    (void)forge_verify(buf_bytes(&whole), forge_zone_default, v);
    ck_assert_int_eq(v[0].result, VERIFY_FAIL);
    buf_free(&whole);
    buf_free(&field);
}
END_TEST

/* RFC 5322 §2.1.1: 78 characters; and US-ASCII, with CRLF only before white space, so that no line is a field of its own. */
START_TEST(lines)
{
    static const char *const domains[] = {"a.nl", "a-rather-long-label.another-rather-long-label.and-one-more.example.nl"};
    struct buf field = BUF_INIT;
    for (int i = 0; i < 4; i++) {
        struct sigheader_params p = params;
        p.domain = bytes_str(domains[i % 2]);
        p.algorithm = i < 2 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256;
        made(message, &p, &field);
        size_t column = sizeof "DKIM-Signature:" - 1;
        for (size_t at = 0; at < field.len; at++) {
            uint8_t c = field.data[at];
            ck_assert(c < 0x7f && (c >= 0x20 || c == '\t' || c == '\r' || c == '\n'));
            if (c == '\r')
                ck_assert(field.data[at + 1] == '\n' && ascii_is_wsp(field.data[at + 2]));
            column = c == '\n' ? 0 : c == '\r' ? column : c == '\t' ? 8 : column + 1;
            ck_assert_uint_le(column, i % 2 ? 90 : 78); /* a name longer than a line is not cut */
        }
    }
    buf_free(&field);
}
END_TEST

/* §3.4.4, §3.4.3: the empty body. */
START_TEST(empty_body)
{
    static const char *const want[2] = {"frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
                                        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="};
    struct buf field = BUF_INIT;
    for (int i = 0; i < 2; i++) {
        struct sigheader_params p = params;
        p.relaxed_body = i;
        made("From: jan@example.nl\r\n\r\n", &p, &field);
        struct taglist t = tags_of(&field);
        ck_assert(bytes_eq(taglist_get(&t, "bh"), bytes_str(want[i])));
    }
    buf_free(&field);
}
END_TEST

/* §5.4.2: "signers ... sign ... multiple occurrences ... in order from the bottom": every instance, bottom-most first. */
START_TEST(every_instance)
{
    static uint8_t value_room[DKIM_FIELD_MAX], block_room[4096];
    struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
    struct dkim_sign *m = dkim_sign_new();
    forge_feed(m, bytes_str("List-Id: 1\r\nFrom: jan@example.nl\r\nList-Id: 2\r\n\r\n"), 10);
    ck_assert(dkim_sign_block(m, &params, &select_default, &value, &block));
    block_room[block.len] = '\0';
    ck_assert_ptr_nonnull(strstr((char *)block_room, "list-id:2\r\nlist-id:1\r\n"));
    /* §3.7: the DKIM-Signature last, its b= empty, no CRLF behind it */
    ck_assert_str_eq((char *)block_room + block.len - 2, "b=");
    ck_assert_ptr_nonnull(strstr((char *)block_room, "\r\ndkim-signature:v=1; "));
    dkim_sign_free(m);
}
END_TEST

UNIT_MAIN("rfc6376_signer", tags, fields, one_click, lines, empty_body, every_instance)
