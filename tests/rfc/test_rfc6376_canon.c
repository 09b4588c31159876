/* RFC 6376 §3.4 as both halves share it: what may change on the way without breaking a signature, and what may not. */
#include "forge.h"

#define TAGS(c) "v=1; a=ed25519-sha256; c=" c "; d=example.nl; s=ed; h=from:subject; bh=@; b=@"

static const struct {
    const char *clause, *tags, *sent, *arrived;
    enum verify_result want;
} cases[] = {
    {"3.4.1 simple header: no change at all", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a b\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a  b\r\n\r\nx\r\n", VERIFY_FAIL},
    {"3.4.1 ... not the case of a name", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSUBJECT: a\r\n\r\nx\r\n", VERIFY_FAIL},
    {"3.4.2 relaxed: names in any case", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n",
     "FROM: jan@example.nl\r\nsubject: a\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.2 relaxed: unfolding", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject: a b\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n b\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.2 relaxed: a fold right after the colon (OpenDKIM#39)", TAGS("relaxed/simple"),
     "From: jan@example.nl\r\nSubject:\r\n a\r\n\r\nx\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.2 relaxed: runs of WSP are one SP", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject: a \t b\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a b\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.2 relaxed: WSP at the end goes", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject: a \t\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.2 relaxed: WSP around the colon goes", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject\t : a\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject:a\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.2 relaxed: WSP that appears is none that grows", TAGS("relaxed/simple"),
     "From: jan@example.nl\r\nSubject: ab\r\n\r\nx\r\n", "From: jan@example.nl\r\nSubject: a b\r\n\r\nx\r\n", VERIFY_FAIL},
    {"3.4.2 relaxed: the case of values counts", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: A\r\n\r\nx\r\n", VERIFY_FAIL},
    {"3.4.2 an empty field", TAGS("relaxed/simple"), "From: jan@example.nl\r\nSubject:\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: \t \r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.3 simple body: empty lines at the end", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n\r\n\r\n", VERIFY_PASS},
    {"3.4.3 simple body: ... at the start count", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\n\r\nx\r\n", VERIFY_FAIL},
    {"3.4.3 simple body: WSP at the end of a line counts", TAGS("simple/simple"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\nx \r\n", VERIFY_FAIL},
    {"3.4.3 simple body: a line of WSP is not empty", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n \r\n", VERIFY_FAIL},
    {"3.4.3 simple body: a CRLF is added where none is", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.3 simple body: no body is one CRLF", TAGS("simple/simple"), "From: jan@example.nl\r\nSubject: a\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\n\r\n\r\n", VERIFY_PASS},
    {"3.4.4 relaxed body: WSP at the end of a line goes", TAGS("simple/relaxed"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx \t\r\ny\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\ny\t\r\n",
     VERIFY_PASS},
    {"3.4.4 relaxed body: runs of WSP are one SP", TAGS("simple/relaxed"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx \t y\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx y\r\n", VERIFY_PASS},
    {"3.4.4 relaxed body: WSP at the start of a line stays", TAGS("simple/relaxed"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\n\tx\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_FAIL},
    {"3.4.4 relaxed body: ... as one SP", TAGS("simple/relaxed"), "From: jan@example.nl\r\nSubject: a\r\n\r\n\t\tx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\n x\r\n", VERIFY_PASS},
    {"3.4.4 relaxed body: lines of WSP at the end are empty", TAGS("simple/relaxed"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n \t\r\n\r\n",
     VERIFY_PASS},
    {"3.4.4 relaxed body: no body is nothing, and so are empty lines", TAGS("simple/relaxed"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\n \r\n\t\r\n", VERIFY_PASS},
    {"3.4.4 relaxed body: a CRLF is added where none is (erratum 1377 to RFC 4871)", TAGS("simple/relaxed"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx", "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_PASS},
    {"3.4.4 relaxed body: one line is not two", TAGS("simple/relaxed"), "From: jan@example.nl\r\nSubject: a\r\n\r\nx y\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\ny\r\n", VERIFY_FAIL},
    {"2.8 a form feed is no white space (rspamd#4322)", TAGS("relaxed/relaxed"),
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\f\r\n", "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_FAIL},
    {"2.8 nor is a no-break space", TAGS("relaxed/relaxed"), "From: jan@example.nl\r\nSubject: a\xc2\xa0\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nSubject: a\r\n\r\nx\r\n", VERIFY_FAIL},
    {"RFC 2045: the header is signed as octets: encoded words are not read", TAGS("relaxed/relaxed"),
     "From: jan@example.nl\r\nSubject: =?utf-8?q?a?=\r\n\r\nx\r\n", "From: jan@example.nl\r\nSubject: =?UTF-8?Q?a?=\r\n\r\nx\r\n",
     VERIFY_FAIL},
    {"RFC 6532: UTF-8 in a header is octets like any others", TAGS("relaxed/relaxed"),
     "From: jan@example.nl\r\nSubject: \xc3\xa9\xc3\xa9n\r\n\r\nx\r\n",
     "From: jan@example.nl\r\nsubject:  \xc3\xa9\xc3\xa9n\r\n\r\nx\r\n", VERIFY_PASS},
};

START_TEST(clauses)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf whole = BUF_INIT;
        struct verification v[VERIFY_RESULTS_MAX];
        forge_sign(bytes_str(cases[i].sent), cases[i].tags, FORGE_ED, &whole);
        buf_add_str(&whole, cases[i].arrived);
        ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 1);
        ck_assert_msg(v[0].result == cases[i].want, "%s: %s %s", cases[i].clause, verify_result_name(v[0].result), v[0].reason);
        buf_free(&whole);
    }
}
END_TEST

/* §3.4.2 "Convert all sequences of one or more WSP": a bare CR or LF is none of them, and stays. */
START_TEST(bare_cr)
{
    uint8_t room[64];
    struct out o = out_of(room, sizeof room);
    const struct header_field f = {BYTES_LIT("A"), BYTES_LIT(" b\r c \r")};
    canon_header_field(true, &f, &o);
    ck_assert(bytes_eq(out_bytes(&o), BYTES_LIT("a:b\r c \r\r\n")));
}
END_TEST

UNIT_MAIN("rfc6376_canon", clauses, bare_cr)
