/* RFC 6376 §3.4: both canonicalisations of header and body. */
#include "base/buf.h"
#include "dkim/base64.h"
#include "dkim/canon_body.h"
#include "dkim/canon_header.h"
#include "dkim/digest.h"
#include "unit.h"

static void collect(void *arg, struct bytes out)
{
    buf_add(arg, out);
}

/* The canonical body when it comes in chunks of `step` octets. */
static void canon(bool relaxed, struct bytes body, size_t step, struct buf *out)
{
    struct canon_body c;
    buf_clear(out);
    canon_body_init(&c, relaxed, collect, out);
    for (size_t at = 0; at < body.len; at += step)
        canon_body_update(&c, bytes_slice(body, at, at + step));
    canon_body_final(&c);
}

static void expect_body(bool relaxed, const char *in, const char *want)
{
    struct buf out = BUF_INIT;
    for (size_t step = 1; step <= strlen(in) + 1; step++) {
        canon(relaxed, bytes_str(in), step, &out);
        ck_assert_msg(bytes_eq(buf_bytes(&out), bytes_str(want)), "step %zu: %s", step, buf_cstr(&out));
    }
    buf_free(&out);
}

START_TEST(rfc6376_body_examples)
{
    /* §3.4.5: "<SP> C <SP> <CRLF> D <SP> <HTAB> <SP> E <CRLF> <CRLF> <CRLF>" */
    const char *body = " C \r\nD \t E\r\n\r\n\r\n";
    expect_body(true, body, " C\r\nD E\r\n");
    expect_body(false, body, " C \r\nD \t E\r\n");
}
END_TEST

START_TEST(body_edges)
{
    expect_body(false, "", "\r\n");
    expect_body(true, "", "");
    expect_body(false, "\r\n\r\n\r\n", "\r\n");
    expect_body(true, "\r\n \r\n\t\r\n", "");
    expect_body(true, "a", "a\r\n");
    expect_body(false, "a", "a\r\n");
    expect_body(true, "a  ", "a\r\n");
    expect_body(false, "a  ", "a  \r\n");
    expect_body(true, "\t a\tb  c \r\n", " a b c\r\n");
    expect_body(true, "a\rb\nc\r", "a\rb\nc\r\r\n");
    expect_body(true, "a \r b", "a \r b\r\n");
    expect_body(true, "a\r\n\r\n \r\nb", "a\r\n\r\n\r\nb\r\n");
    expect_body(false, "a\r\n\r\n \r\n\r\n", "a\r\n\r\n \r\n");
    expect_body(true, "a\r\r\n", "a\r\r\n");
}
END_TEST

static void expect_hash(bool relaxed, const char *body, const char *want)
{
    struct buf out = BUF_INIT;
    uint8_t hash[DKIM_HASH_LEN], text[64];
    struct out o = out_of(text, sizeof text);
    canon(relaxed, bytes_str(body), 1, &out);
    ck_assert(digest_sha256(buf_bytes(&out), hash));
    base64_encode(bytes_of(hash, sizeof hash), &o);
    ck_assert(bytes_eq(out_bytes(&o), bytes_str(want)));
    buf_free(&out);
}

START_TEST(empty_body_hashes)
{
    expect_hash(false, "", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
    expect_hash(true, "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}
END_TEST

static void expect_field(bool relaxed, const char *name, const char *value, const char *want)
{
    uint8_t room[256];
    struct out o = out_of(room, sizeof room);
    struct header_field f = {bytes_str(name), bytes_str(value)};
    canon_header_field(relaxed, &f, &o);
    ck_assert_msg(bytes_eq(out_bytes(&o), bytes_str(want)), "%.*s", (int)o.len, (const char *)room);
}

START_TEST(rfc6376_header_examples)
{
    /* §3.4.5: "A: <SP> X <CRLF>" and "B <SP> : <SP> Y <HTAB><CRLF> <HTAB> Z <SP><SP><CRLF>" */
    expect_field(true, "A", " X", "a:X\r\n");
    expect_field(true, "B ", " Y\t\r\n\tZ  ", "b:Y Z\r\n");
    expect_field(false, "A", " X", "A: X\r\n");
    expect_field(false, "B ", " Y\t\r\n\tZ  ", "B : Y\t\r\n\tZ  \r\n");
    expect_field(true, "Subject", "\r\n folded right after its colon",
                 "subject:folded right after its colon\r\n"); /* OpenDKIM#39 */
    expect_field(true, "Subject", "", "subject:\r\n");
    expect_field(true, "Subject", " \t ", "subject:\r\n");
}
END_TEST

UNIT_MAIN("canon", rfc6376_body_examples, body_edges, empty_body_hashes, rfc6376_header_examples)
