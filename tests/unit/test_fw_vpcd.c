/* The reader's frames, octet by octet, over a token that echoes. */
#include "port/vpcd.h"
#include "unit.h"

#include <string.h>

static unsigned resets;
static size_t last_len;

size_t token_reset(uint8_t atr[TOKEN_ATR_MAX])
{
    resets++;
    memcpy(atr, "\x3B\x00", 2);
    return 2;
}

size_t token_apdu(const uint8_t *in, size_t len, uint8_t out[TOKEN_RESPONSE_MAX])
{
    last_len = len;
    if (len == 0 || len > TOKEN_COMMAND_MAX) {
        memcpy(out, "\x67\x00", 2);
        return 2;
    }
    memcpy(out, in, len);
    return len;
}

static struct vpcd v;

/* Feeds all; returns the length of the answer to the last octet, and fails when one came before. */
static size_t feed(const void *data, size_t len)
{
    const uint8_t *octets = data;

    for (size_t i = 0; i + 1 < len; i++)
        ck_assert_uint_eq(vpcd_octet(&v, octets[i]), 0);
    return vpcd_octet(&v, octets[len - 1]);
}

START_TEST(controls)
{
    resets = 0;
    vpcd_init(&v);
    ck_assert_uint_eq(resets, 1);
    ck_assert_uint_eq(feed("\0\1\4", 3), 4);
    ck_assert_mem_eq(v.reply, "\0\2\x3B\0", 4);
    ck_assert_uint_eq(resets, 1); /* asking is not resetting: readers poll */
    ck_assert_uint_eq(feed("\0\1\1\0\1\2\0\1\0", 9), 0);
    ck_assert_uint_eq(resets, 4);
    ck_assert_uint_eq(feed("\0\1\3\0\1\xFF", 6), 0);
    ck_assert_uint_eq(resets, 4);
}
END_TEST

START_TEST(commands)
{
    vpcd_init(&v);
    ck_assert_uint_eq(feed("\0\5\0\xA4\4\0\0", 7), 7);
    ck_assert_mem_eq(v.reply, "\0\5\0\xA4\4\0\0", 7);
    ck_assert_uint_eq(feed("\0\2ab", 4), 4);
    ck_assert_uint_eq(feed("\0\0", 2), 4); /* nothing is a command too, and gets its answer */
    ck_assert_mem_eq(v.reply, "\0\2\x67\0", 4);
}
END_TEST

START_TEST(lengths)
{
    static uint8_t frame[2 + 65535];

    vpcd_init(&v);
    for (size_t len = 2; len <= 65535; len = len < 4090 || len > 4100 ? len * 2 - len / 2 : len + 1) {
        frame[0] = (uint8_t)(len >> 8);
        frame[1] = (uint8_t)len;
        memset(frame + 2, 0x5A, len);
        size_t answer = feed(frame, 2 + len);
        ck_assert_uint_eq(last_len, len > TOKEN_COMMAND_MAX ? TOKEN_COMMAND_MAX + 1 : len);
        ck_assert_uint_eq(answer, len > TOKEN_COMMAND_MAX ? 4 : 2 + len);
        ck_assert_uint_eq(feed("\0\1\4", 3), 4); /* and the next frame is found */
    }
}
END_TEST

UNIT_MAIN("fw_vpcd", controls, commands, lengths)
