/* RFC 6376 §3.4: both canonicalisations of header and body. */
#include "base/buf.h"
#include "dkim/base64.h"
#include "dkim/body_check.h"
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

/* The same, as the RFC says it and not as it is fast: line by line. */
static void slow_canon(bool relaxed, struct bytes in, struct buf *out)
{
    buf_clear(out);
    size_t end = 0; /* of what stands there without empty lines at the end */
    while (in.len > 0) {
        size_t n = 0;
        while (n < in.len && !(in.data[n] == '\r' && n + 1 < in.len && in.data[n + 1] == '\n'))
            n++;
        size_t begin = out->len;
        bool space = false;
        for (size_t i = 0; i < n; i++) {
            bool wsp = relaxed && (in.data[i] == ' ' || in.data[i] == '\t');
            if (space && !wsp)
                buf_add_u8(out, ' ');
            if (!wsp)
                buf_add_u8(out, in.data[i]);
            space = wsp;
        }
        bool empty = out->len == begin;
        buf_add_str(out, "\r\n");
        if (!empty)
            end = out->len;
        in = bytes_slice(in, n + 2, in.len);
    }
    out->len = end;
    if (end == 0 && !relaxed)
        buf_add_str(out, "\r\n");
}

/* The defects as their definitions have it, octet by octet. */
static unsigned slow_check(struct bytes in)
{
    unsigned defects = 0;
    size_t column = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t before = i > 0 ? in.data[i - 1] : 0, x = in.data[i], after = i + 1 < in.len ? in.data[i + 1] : 0;
        defects |= x == '\0' ? BODY_NUL : x >= 0x80 ? BODY_8BIT : 0;
        defects |= x == '\n' && before != '\r' ? BODY_BARE_LF : 0;
        defects |= x == '\r' && after != '\n' ? BODY_BARE_CR : 0;
        column = x == '\n' ? 0 : x == '\r' && after == '\n' ? column : column + 1;
        if (column > DKIM_LINE_MAX)
            defects |= BODY_LONG_LINE;
    }
    return defects;
}

static unsigned check(struct bytes in, size_t step)
{
    struct body_check c;
    body_check_init(&c);
    for (size_t at = 0; at < in.len; at += step)
        body_check_update(&c, bytes_slice(in, at, at + step));
    body_check_final(&c);
    return c.defects;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

/* Bodies of what matters, and runs of what does not, in chunks of any length. */
START_TEST(as_the_rfc_says_it)
{
    static const char *const pieces[] = {
        "\r\n",
        "\r\n",
        "\r\n\r\n",
        " ",
        " ",
        "\t",
        "  ",
        "\r",
        "\n",
        "x",
        "ab",
        " \r\n",
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore"};
    struct buf body = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
    uint32_t state = 4711;
    for (int n = 0; n < 20000; n++) {
        buf_clear(&body);
        for (unsigned i = next_random(&state) % 24; i > 0; i--)
            buf_add_str(&body, pieces[next_random(&state) % (sizeof pieces / sizeof pieces[0])]);
        size_t step = 1 + next_random(&state) % (n % 2 ? 7 : 300);
        if (n % 3 == 0)
            buf_add_u8(&body, n % 2 ? 0 : 0xe9);
        if (n % 5 == 0)
            for (unsigned i = next_random(&state) % 1500; i > 0; i--)
                buf_add_u8(&body, 'l');
        ck_assert_uint_eq(check(buf_bytes(&body), step), slow_check(buf_bytes(&body)));
        for (int relaxed = 0; relaxed < 2; relaxed++) {
            slow_canon(relaxed, buf_bytes(&body), &want);
            canon(relaxed, buf_bytes(&body), step, &got);
            ck_assert_msg(bytes_eq(buf_bytes(&got), buf_bytes(&want)), "%s, step %zu: %s", relaxed ? "relaxed" : "simple", step,
                          buf_cstr(&body));
        }
    }
    buf_free(&body);
    buf_free(&want);
    buf_free(&got);
}
END_TEST

UNIT_MAIN("canon", as_the_rfc_says_it, rfc6376_body_examples, body_edges, empty_body_hashes, rfc6376_header_examples)
