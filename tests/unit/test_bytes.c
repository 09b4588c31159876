#include "base/bytes.h"
#include "unit.h"

START_TEST(hexadecimal_there_and_back)
{
    uint8_t octets[256], back[256];
    char text[2 * sizeof octets + 1];
    size_t len;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)i;
    bytes_hex(bytes_of(octets, sizeof octets), text);
    ck_assert(bytes_unhex(bytes_str(text), back, sizeof back, &len));
    ck_assert_uint_eq(len, sizeof octets);
    ck_assert_mem_eq(back, octets, sizeof octets);
    ck_assert(bytes_unhex(BYTES_LIT("aBFf"), back, 2, &len));
    ck_assert_uint_eq(len, 2);
    ck_assert_mem_eq(back, "\xab\xff", 2);
}
END_TEST

START_TEST(half_octets_and_others_are_no_hexadecimal)
{
    static const char *const bad[] = {"a", "abc", "0x", " a", "a ", "+1", "-1", "gg", "00\n", "0011223", "001122", NULL};
    uint8_t room[2];
    size_t len;
    for (const char *const *b = bad; *b != NULL; b++) {
        len = 9;
        ck_assert_msg(!bytes_unhex(bytes_str(*b), room, sizeof room, &len), "%s", *b);
        ck_assert_uint_eq(len, 0);
    }
}
END_TEST

UNIT_MAIN("bytes", hexadecimal_there_and_back, half_octets_and_others_are_no_hexadecimal)
