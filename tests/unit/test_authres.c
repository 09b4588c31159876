/* Authentication-Results: whose a field is (RFC 8601 §2.2, §5), and what of ours looks like. */
#include "dkim/authres.h"
#include "dkim/authserv.h"
#include "unit.h"

static const struct {
    const char *value;
    enum authserv whose;
} fields[] = {
    {" mx.example.nl; dkim=pass", AUTHSERV_OURS},
    {"mx.example.nl", AUTHSERV_OURS},
    {" MX.Example.NL.; none", AUTHSERV_OURS},
    {"\r\n\tmx.example.nl\r\n ;dkim=pass", AUTHSERV_OURS},
    {" (a (b \\) c)) mx.example.nl (d)1(e);", AUTHSERV_OURS},
    {" mx.example.nl 1", AUTHSERV_OURS},
    {" \"mx.example.nl\";", AUTHSERV_OURS},
    {" \"m\\x.exa\\mple.nl\";", AUTHSERV_OURS},
    {" \" mx.example.nl \" ;", AUTHSERV_OURS},
    {" mx.example.nl.example;", AUTHSERV_OTHER},
    {" xmx.example.nl; dkim=pass", AUTHSERV_OTHER},
    {" other.example (mx.example.nl;); dkim=pass", AUTHSERV_OTHER},
    {" other.example 1; mx.example.nl; dkim=pass", AUTHSERV_OTHER},
    {" ()()other.example;", AUTHSERV_OTHER},
    {"", AUTHSERV_UNREADABLE},
    {" ", AUTHSERV_UNREADABLE},
    {" ;mx.example.nl", AUTHSERV_UNREADABLE},
    {" (mx.example.nl; dkim=pass", AUTHSERV_UNREADABLE},
    {" other.example (", AUTHSERV_UNREADABLE},
    {" other.example \\", AUTHSERV_UNREADABLE},
    {" \"other.example", AUTHSERV_UNREADABLE},
    {" \"other.example\\", AUTHSERV_UNREADABLE},
    {" \"\"; dkim=pass", AUTHSERV_UNREADABLE},
    {" \"mx.example.nl;\"; dkim=pass", AUTHSERV_UNREADABLE},
    {" other.example mx.example.nl; dkim=pass", AUTHSERV_UNREADABLE},
    {" other.example 1 2;", AUTHSERV_UNREADABLE},
    {" mx .example.nl;", AUTHSERV_UNREADABLE},
    {" dkim=pass", AUTHSERV_UNREADABLE},
    {" mx.example.nl\xc3\xa9;", AUTHSERV_UNREADABLE},
    {" \"mx.example.nl\x01\";", AUTHSERV_UNREADABLE},
    {" other.example; dkim=fail\n\t(folded)", AUTHSERV_OTHER},
    {" other.example; dkim=fail\r\n\t(folded)", AUTHSERV_OTHER},
    {" other.example; dkim=fail\rAuthentication-Results: mx.example.nl; dkim=pass", AUTHSERV_UNREADABLE},
    {" other.example; dkim=fail\r mx.example.nl; dkim=pass", AUTHSERV_UNREADABLE},
    {" other.example; dkim=fail\nx", AUTHSERV_UNREADABLE},
    {" other.example; dkim=fail\r", AUTHSERV_UNREADABLE},
    {" =?utf-8?q?mx.example.nl?=; dkim=pass", AUTHSERV_UNREADABLE},
    {" \x0bmx.example.nl; dkim=pass", AUTHSERV_UNREADABLE},
};

START_TEST(whose)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        ck_assert_msg(authserv_of(bytes_str(fields[i].value), BYTES_LIT("mx.example.nl")) == fields[i].whose, "%s",
                      fields[i].value);
}
END_TEST

START_TEST(bounds)
{
    char text[4096];
    memset(text, '(', sizeof text);
    ck_assert_int_eq(authserv_of(bytes_of(text, sizeof text), BYTES_LIT("a")), AUTHSERV_UNREADABLE);
    memset(text, 'a', sizeof text);
    ck_assert_int_eq(authserv_of(bytes_of(text, sizeof text), BYTES_LIT("a")), AUTHSERV_UNREADABLE);
    ck_assert_int_eq(authserv_of(BYTES_LIT("a\0; dkim=pass"), BYTES_LIT("a")), AUTHSERV_UNREADABLE);
}
END_TEST

static bool same_words(struct bytes a, struct bytes b)
{
    size_t i = 0, j = 0;
    for (;; i++, j++) {
        bool gap_a = false, gap_b = false;
        for (; i < a.len && ascii_is_fws(a.data[i]); i++)
            gap_a = true;
        for (; j < b.len && ascii_is_fws(b.data[j]); j++)
            gap_b = true;
        if (i == a.len || j == b.len)
            return i == a.len && j == b.len;
        if (gap_a != gap_b || a.data[i] != b.data[j])
            return false;
    }
}

START_TEST(folds)
{
    uint8_t room[4096];
    struct out out = out_of(room, sizeof room);
    struct bytes text = BYTES_LIT("dkim=pass (2048-bit key) header.d=a-name-of-some-length.example.nl header.s=selector "
                                  "header.a=rsa-sha256 header.b=\"abcdefgh\" dns.sec=yes (From is aligned)");
    authres_fold(text, 8, &out);
    ck_assert(same_words(out_bytes(&out), text));
    size_t column = 8;
    for (size_t i = 0; i < out.len; i++) {
        column = room[i] == '\n' ? 0 : column + 1;
        ck_assert_uint_le(column, 79);
    }
}
END_TEST

START_TEST(writes)
{
    uint8_t room[4096];
    struct out out = out_of(room, sizeof room);
    struct verification v = {.result = VERIFY_PASS, .reason = "", .bits = 2048, .dnssec = VERIFY_DNSSEC_SECURE};
    v.sig.domain = BYTES_LIT("example.nl");
    v.sig.selector = BYTES_LIT("s; dkim=pass"); /* breaks out: is left out */
    v.sig.b = BYTES_LIT("ab/d\"efgh");
    authres_dkim(&v, &out);
    struct bytes want = BYTES_LIT("dkim=pass (2048-bit key) header.d=example.nl header.a=rsa-sha256 dns.sec=yes");
    ck_assert_msg(bytes_eq(out_bytes(&out), want), "%.*s", (int)out.len, (const char *)room);
}
END_TEST

/* RFC 5322 §2.2: CR and LF stand in a field only together, and then as a fold. */
START_TEST(hides)
{
    ck_assert(authserv_is_hidden_in(BYTES_LIT(" y\rAuthentication-Results: mx.example.nl; dkim=pass")));
    ck_assert(authserv_is_hidden_in(BYTES_LIT(" y\nauthentication-results : x")));
    ck_assert(authserv_is_hidden_in(BYTES_LIT("\r\r\r\nAUTHENTICATION-RESULTS")));
    ck_assert(!authserv_is_hidden_in(BYTES_LIT(" y\r\n\tAuthentication-Results: x")));
    ck_assert(!authserv_is_hidden_in(BYTES_LIT(" y\n Authentication-Results: x")));
    ck_assert(!authserv_is_hidden_in(BYTES_LIT(" y\rAuthentication-Result")));
    ck_assert(!authserv_is_hidden_in(BYTES_LIT(" y\r")));
    ck_assert(!authserv_is_hidden_in(BYTES_LIT("")));
}
END_TEST

UNIT_MAIN("authres", whose, hides, bounds, folds, writes)
