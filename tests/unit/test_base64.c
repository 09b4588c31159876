#include "dkim/base64.h"
#include "unit.h"

static void expect(const char *plain, const char *coded)
{
    uint8_t room[64];
    struct out o = out_of(room, sizeof room);
    base64_encode(bytes_str(plain), &o);
    ck_assert(bytes_eq(out_bytes(&o), bytes_str(coded)));
    o = out_of(room, sizeof room);
    ck_assert(base64_decode(bytes_str(coded), &o));
    ck_assert(bytes_eq(out_bytes(&o), bytes_str(plain)));
}

START_TEST(rfc4648_vectors)
{
    expect("", "");
    expect("f", "Zg==");
    expect("fo", "Zm8=");
    expect("foo", "Zm9v");
    expect("foob", "Zm9vYg==");
    expect("fooba", "Zm9vYmE=");
    expect("foobar", "Zm9vYmFy");
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg===", "Zm9", "Zm9v=", "Zh==", "Zm9=", "Z-9v", "=Zg=", "Zg==Zg==", "Zm\x80v", NULL};
    uint8_t room[64];
    for (const char *const *b = bad; *b != NULL; b++) {
        struct out o = out_of(room, sizeof room);
        ck_assert_msg(!base64_decode(bytes_str(*b), &o), "%s", *b);
    }
    struct out small = out_of(room, 2);
    ck_assert(!base64_decode(BYTES_LIT("Zm9v"), &small));
}
END_TEST

START_TEST(folds_are_skipped)
{
    uint8_t room[8];
    struct out o = out_of(room, sizeof room);
    ck_assert(base64_decode(BYTES_LIT(" Zm\r\n\t9v\r\n "), &o));
    ck_assert(bytes_eq(out_bytes(&o), BYTES_LIT("foo")));
}
END_TEST

UNIT_MAIN("base64", rfc4648_vectors, refused, folds_are_skipped)
