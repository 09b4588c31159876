#include "dkim/survive.h"

#include <stdio.h>

#include "unit.h"

static struct dkim_sign *m;

/* "WHERE: first words" of each risk, in one line. */
static const char *risks(const char *header, const char *body, size_t body_len, bool seven_bit)
{
    static char text[1024];
    struct survive_risk r[SURVIVE_RISKS_MAX];
    size_t len = 0;
    if (m == NULL)
        m = dkim_sign_new();
    dkim_sign_start(m);
    (void)header_parse(&m->header, bytes_str(header));
    dkim_sign_body_start(m, true, true);
    dkim_sign_body(m, bytes_of(body, body_len));
    ck_assert(dkim_sign_body_end(m));
    size_t n = survive_risks(m, &select_default, seven_bit, r);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s:%.6s", i == 0 ? "" : " ", (int)r[i].field.len,
                                r[i].field.data == NULL ? "" : (const char *)r[i].field.data, r[i].what);
    return text;
}

/* A field whose `line`th line, counted from 0, has `len` octets, CRLF not counted. */
static const char *field(const char *name, unsigned line, size_t len)
{
    static char text[4096];
    int n = snprintf(text, sizeof text, "From: a@example.nl\r\n%s:", name);
    size_t column = strlen(name) + 1;
    for (unsigned i = 0; i < line; i++, column = 1)
        n += snprintf(text + n, sizeof text - (size_t)n, " x\r\n ");
    while (column++ < len)
        text[n++] = 'a';
    (void)snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    return text;
}

START_TEST(long_header_lines)
{
    ck_assert_str_eq(risks(field("Subject", 0, 998), "", 0, false), "");
    ck_assert_str_eq(risks(field("Subject", 0, 999), "", 0, false), "Subject:a line");
    ck_assert_str_eq(risks(field("Subject", 2, 998), "", 0, false), "");
    ck_assert_str_eq(risks(field("SUBJECT", 2, 999), "", 0, false), "SUBJECT:a line");
    ck_assert_str_eq(risks(field("X-Not-Signed", 0, 2000), "", 0, false), "");
}
END_TEST

START_TEST(bodies)
{
    static char line[1004];
    memset(line, 'a', sizeof line);
    memcpy(line + 998, "\r\n", 2);
    ck_assert_str_eq(risks("From: a\r\n", line, 1000, false), "");
    memset(line, 'a', 999);
    memcpy(line + 999, "\r\n", 2);
    ck_assert_str_eq(risks("From: a\r\n", line, 1001, false), ":a line");
    ck_assert_str_eq(risks("From: a\r\n", "a\0\r\n", 4, false), ":a NUL ");
    ck_assert_str_eq(risks("From: a\r\n", "a\rb\nc", 5, false), ":a CR w :an LF ");
    ck_assert_str_eq(risks("From: a\r\n", "\xc3\xa9\r\n", 4, false), "");
    ck_assert_str_eq(risks("From: a\r\n", "\xc3\xa9\r\n", 4, true), ":8-bit ");
}
END_TEST

START_TEST(all_at_once)
{
    static char body[2048] = "\r\n\xff\n\r";
    memset(body + 16, 'a', sizeof body - 16);
    const char *all = risks(field("Subject", 0, 1500), body, sizeof body, true);
    ck_assert_str_eq(all, "Subject:a line :a NUL  :a CR w :an LF  :a line :8-bit ");
    ck_assert_str_eq(risks("From: \xc3\xa9 <a@example.nl>\r\nTo: \xc3\xa9\r\nX: \xc3\xa9\r\n", "", 0, true), "From:8-bit ");
    ck_assert_str_eq(risks("From: a\r\nX: \xc3\xa9\r\n", "", 0, true), "");
}
END_TEST

UNIT_MAIN("survive", long_header_lines, bodies, all_at_once)
