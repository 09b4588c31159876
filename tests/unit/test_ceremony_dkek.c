#include "ceremony/dkek.h"
#include "unit.h"

static const char listing[] = "Using reader with a card: Virtual PCD 00 00\n"
                              "Private RSA Key [example.nl/z1]\n"
                              "\tObject Flags   : [0x03], private, modifiable\n"
                              "\tKey ref        : 1 (0x01)\n"
                              "\tID             : 0a0b0c\n"
                              "\tMD:guid        : 84e6e8b9-27e5-b53c-94da-244c6dd2cdab\n"
                              "\n"
                              "Private RSA Key [example.nl/z2]\n"
                              "\tKey ref        : 12 (0x0C)\n"
                              "\tID             : 0A0B0D\n";

static int where(const char *text, const char *id)
{
    return dkek_listed(bytes_str(text), bytes_str(id));
}

START_TEST(a_key_is_found_by_its_whole_id)
{
    ck_assert_int_eq(where(listing, "\x0a\x0b\x0c"), 1);
    ck_assert_int_eq(where(listing, "\x0a\x0b\x0d"), 12);
    ck_assert_int_eq(where(listing, "\x0a\x0b"), -1);
    ck_assert_int_eq(where(listing, "\x0a\x0b\x0c\x0d"), -1);
    ck_assert_int_eq(where("", "\x0a"), -1);
}
END_TEST

START_TEST(what_is_there_twice_or_in_part_is_not_found)
{
    ck_assert_int_eq(where("Private RSA Key [a]\n\tID : 01\n", "\x01"), -1);
    ck_assert_int_eq(
        where("Private RSA Key [a]\n\tKey ref : 1\n\tID : 01\nPrivate RSA Key [b]\n\tKey ref : 2\n\tID : 01\n", "\x01"), -1);
    ck_assert_int_eq(where("Private RSA Key [a]\n\tKey ref : 1\nPrivate RSA Key [b]\n\tID : 01\n", "\x01"), -1);
    ck_assert_int_eq(where("Private RSA Key [a]\n\tKey ref : 0\n\tID : 01\n", "\x01"), -1); /* the device's own */
    ck_assert_int_eq(where("Private RSA Key [a]\n\tKey ref : 256\n\tID : 01\n", "\x01"), -1);
    ck_assert_int_eq(where("Private RSA Key [a]\n\tKey ref : 1\n\tID : 1\n", "\x01"), -1);
}
END_TEST

START_TEST(a_value_is_behind_its_name_once)
{
    static const char said[] = "Version              : 3.5\nDKEK shares          : 3\nDKEK key check value : F0074E03EE1A65FE\n";
    ck_assert(bytes_eq(dkek_said(bytes_str(said), "DKEK key check value"), BYTES_LIT("F0074E03EE1A65FE")));
    ck_assert(bytes_eq(dkek_said(bytes_str(said), "DKEK shares"), BYTES_LIT("3")));
    ck_assert_uint_eq(dkek_said(bytes_str(said), "DKEK").len, 0);
    ck_assert_uint_eq(dkek_said(BYTES_LIT("a: 1\na: 2\n"), "a").len, 0);
    ck_assert_uint_eq(dkek_said(BYTES_LIT("a:"), "a").len, 0);
}
END_TEST

UNIT_MAIN("ceremony_dkek", a_key_is_found_by_its_whole_id, what_is_there_twice_or_in_part_is_not_found,
          a_value_is_behind_its_name_once)
