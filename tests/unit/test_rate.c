/* Token buckets and daily ceilings; time is a parameter. */
#include "signer/rate.h"
#include "unit.h"

static const struct config_rate ten_a_second = {.count = 10, .period_ms = 1000}, five_a_day = {.count = 5, .period_ms = 86400000};

static int taken(int64_t *bucket, const struct config_rate *r, int64_t from_ms, int64_t to_ms)
{
    int n = 0;
    for (int64_t t = from_ms; t < to_ms; t++)
        n += rate_take(bucket, r, t);
    return n;
}

START_TEST(bucket)
{
    int64_t b = 0;
    ck_assert_int_eq(taken(&b, &ten_a_second, 5000, 6000), 110); /* ten seconds' worth at once, and what comes in */
    ck_assert_int_eq(taken(&b, &ten_a_second, 6000, 16000), 100);
    ck_assert_int_eq(taken(&b, &ten_a_second, 3600000, 3600001), 1);
    ck_assert_int_eq(taken(&b, &ten_a_second, 3600001, 3601001), 110);
    const struct config_rate none = {0};
    ck_assert_int_eq(taken(&b, &none, 0, 1000), 1000);
}
END_TEST

START_TEST(ceiling)
{
    struct ceilings *c = ceilings_new();
    const int64_t day = 86400 * 20000;
    static const enum ceiling_answer want[] = {CEILING_OK, CEILING_OK, CEILING_OK, CEILING_NEAR, CEILING_REACHED, CEILING_OVER};
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(ceilings_take(c, "example.nl", &five_a_day, day + i), want[i]);
    ck_assert_int_eq(ceilings_take(c, "example.org", &five_a_day, day + 9), CEILING_OK);
    ck_assert_int_eq(ceilings_take(c, "example.nl", &five_a_day, day - 86400), CEILING_OVER); /* the clock put back */
    ceilings_give_back(c, "example.nl");
    ck_assert_int_eq(ceilings_take(c, "example.nl", &five_a_day, day + 10), CEILING_REACHED);
    /* over a restart */
    struct buf text = BUF_INIT;
    ck_assert(ceilings_changed(c));
    ceilings_print(c, &text);
    ck_assert(!ceilings_changed(c));
    struct ceilings *again = ceilings_new();
    ceilings_parse(again, buf_bytes(&text));
    ck_assert_int_eq(ceilings_take(again, "example.nl", &five_a_day, day + 11), CEILING_OVER);
    ck_assert_int_eq(ceilings_take(again, "example.org", &five_a_day, day + 11), CEILING_OK);
    ck_assert_int_eq(ceilings_take(again, "example.nl", &five_a_day, day + 86400), CEILING_OK); /* tomorrow */
    ceilings_parse(again, BYTES_LIT("x\n\nexample.nl\n \nexample.nl 99999999999999999999\n"));
    buf_free(&text);
    ceilings_free(c);
    ceilings_free(again);
}
END_TEST

UNIT_MAIN("rate", bucket, ceiling)
