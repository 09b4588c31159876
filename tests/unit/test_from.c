#include "dkim/from.h"
#include "unit.h"

START_TEST(one_domain)
{
    static const struct {
        const char *value, *domain;
    } good[] = {
        {" a@example.nl", "example.nl"},
        {" Anna <a@Example.NL>", "Example.NL"},
        {" \"de Vries, A.\" <a.b@example.nl>", "example.nl"},
        {" (x@evil.example) a@example.nl (y@evil.example)", "example.nl"},
        {" \"x@evil.example\" <a@example.nl>", "example.nl"},
        {" \"a b\"@example.nl", "example.nl"},
        {" A. de Vries <a@example.nl>", "example.nl"},
        {" a@example.nl, B <b@EXAMPLE.nl>", "example.nl"},
        {"\r\n Anna\r\n <a@example.nl>", "example.nl"},
        {" J\xc3\xb6rg <j@example.nl>", "example.nl"},
        {" a@ex\303\244mple.nl", "ex\303\244mple.nl"},
        {" =?utf-8?q?x?= <a@example.nl>", "example.nl"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct bytes d;
        ck_assert_msg(from_domain(bytes_str(good[i].value), &d) == FROM_OK, "%s", good[i].value);
        ck_assert_msg(bytes_eq(d, bytes_str(good[i].domain)), "%s", good[i].value);
    }
}
END_TEST

START_TEST(malformed)
{
    static const char *const bad[] = {
        "",
        " ",
        " a",
        " a@",
        " @example.nl",
        " <a@example.nl",
        " a@example.nl>",
        " <>",
        " a@example.nl b@evil.example",
        " a@evil.example <a@example.nl>",
        " <a@evil.example> <a@example.nl>",
        " <a@evil.example><a@example.nl>",
        " <@evil.example:a@example.nl>",
        " group: a@example.nl;",
        " undisclosed-recipients:;",
        " a@[192.0.2.1]",
        " a@example.nl(.evil.example",
        " a@example..nl",
        " a@.nl",
        " a@example.nl.",
        " a @example.nl",
        " a@ example.nl",
        " a@b@example.nl",
        " <a@example.nl> x",
        " \"a <a@example.nl>",
        " a@example.nl,",
        " ,a@example.nl",
        " a\\@evil.example@example.nl",
        " ((((((((((x)))))))))) a@example.nl",
        NULL,
    };
    for (const char *const *b = bad; *b != NULL; b++) {
        struct bytes d;
        ck_assert_msg(from_domain(bytes_str(*b), &d) == FROM_MALFORMED, "%s", *b);
    }
    struct bytes d;
    ck_assert(from_domain(BYTES_LIT(" a@example.nl\0x"), &d) == FROM_MALFORMED);
}
END_TEST

START_TEST(ambiguous)
{
    struct bytes d;
    ck_assert(from_domain(BYTES_LIT(" a@example.nl, b@evil.example"), &d) == FROM_AMBIGUOUS);
}
END_TEST

UNIT_MAIN("from", one_domain, malformed, ambiguous)
