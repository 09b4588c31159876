/* A PIN in shares: any K of N make it, fewer tell nothing of it, a wrong one is found out, and no copy stays in memory. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ceremony/shares.h"
#include "unit.h"

static struct buf why;

static void split(const char *pin, unsigned threshold, unsigned count, struct share *out)
{
    ck_assert_int_eq(shares_split(bytes_str(pin), threshold, count, out, &why), ZEGEL_OK);
}

static int combine(const struct share *s, unsigned count, char out[64])
{
    struct buf pin = BUF_INIT;
    buf_clear(&why);
    int err = shares_combine(s, count, &pin, &why);
    (void)snprintf(out, 64, "%s", buf_cstr(&pin));
    buf_free(&pin);
    return err;
}

START_TEST(any_of_them)
{
    struct share s[5], chosen[3];
    char pin[64];
    split("correct-horse", 3, 5, s);
    for (unsigned a = 0; a < 5; a++)
        for (unsigned b = 0; b < 5; b++)
            for (unsigned c = 0; c < 5; c++) {
                if (a == b || b == c || a == c)
                    continue;
                chosen[0] = s[a], chosen[1] = s[b], chosen[2] = s[c];
                ck_assert_int_eq(combine(chosen, 3, pin), ZEGEL_OK);
                ck_assert_str_eq(pin, "correct-horse");
            }
    ck_assert_int_eq(combine(s, 5, pin), ZEGEL_OK); /* more than are needed */
    ck_assert_int_eq(combine(s, 2, pin), ZEGEL_ERR_REFUSED);
    ck_assert_str_eq(pin, "");
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "too few"));
    ck_assert_int_eq(combine(s, 0, pin), ZEGEL_ERR_REFUSED);
}
END_TEST

/* With K - 1 shares in hand, each value of an octet of the secret goes with exactly one value of the missing share: none is ruled
 * out and none is more likely. */
START_TEST(fewer_say_nothing)
{
    struct share s[3];
    uint8_t secret[SHARES_SECRET_MAX];
    split("correct-horse", 3, 3, s);
    for (size_t at = 0; at < s[0].len; at++) {
        unsigned seen[256] = {0};
        for (unsigned value = 0; value < 256; value++) {
            s[2].secret[at] = (uint8_t)value;
            ck_assert(shares_interpolate(s, 3, secret));
            seen[secret[at]]++;
        }
        for (unsigned value = 0; value < 256; value++)
            ck_assert_uint_eq(seen[value], 1);
    }
}
END_TEST

/* And a single share looks like noise: of 4096 splits of one PIN, no value of an octet comes up far more often than 16 times. */
START_TEST(one_is_noise)
{
    unsigned seen[256] = {0}, most = 0, least = UINT32_MAX;
    struct share s[2];
    for (unsigned i = 0; i < 4096; i++) {
        split("aaaaaaaa", 2, 2, s);
        seen[s[0].secret[0]]++;
    }
    for (unsigned value = 0; value < 256; value++) {
        most = seen[value] > most ? seen[value] : most;
        least = seen[value] < least ? seen[value] : least;
    }
    ck_assert_uint_lt(most, 48); /* 8 standard deviations */
    ck_assert_uint_gt(most, 20); /* nor is it a counter */
    ck_assert_uint_lt(least, 16);
}
END_TEST

/* Every octet of a share, changed by a custodian who makes its check fit again. */
START_TEST(wrong_ones)
{
    struct share s[3], other[3], chosen[2];
    char pin[64];
    split("correct-horse", 2, 3, s);
    split("correct-horse", 2, 3, other);
    for (size_t at = 0; at < s[0].len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            chosen[0] = s[0], chosen[1] = s[1];
            chosen[1].secret[at] ^= (uint8_t)(1U << bit);
            ck_assert_int_eq(combine(chosen, 2, pin), ZEGEL_ERR_REFUSED);
            ck_assert_str_eq(pin, "");
            ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "one of them is wrong; nothing was sent"));
        }
    chosen[0] = s[0], chosen[1] = other[1];
    ck_assert_int_eq(combine(chosen, 2, pin), ZEGEL_ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "different PINs"));
    chosen[1] = s[0];
    ck_assert_int_eq(combine(chosen, 2, pin), ZEGEL_ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "twice"));
    chosen[1] = s[1];
    chosen[1].index = 3; /* somebody else's number on it */
    ck_assert_int_eq(combine(chosen, 2, pin), ZEGEL_ERR_REFUSED);
}
END_TEST

START_TEST(on_paper)
{
    static const char *const pins[] = {"8-chars-", "correct-horse-x", "a pin of thirty-two characters!!"};
    struct share s[2], again;
    char text[SHARES_TEXT_MAX], changed[SHARES_TEXT_MAX];
    for (size_t p = 0; p < sizeof pins / sizeof pins[0]; p++) {
        split(pins[p], 2, 2, s);
        shares_print(&s[1], text);
        ck_assert_uint_eq(strspn(text, "abcdefghijklmnopqrstuvwxyz234567 "), strlen(text));
        ck_assert(shares_parse(bytes_str(text), &again));
        ck_assert_mem_eq(&again, &s[1], sizeof again);
        for (size_t i = 0; text[i] != '\0'; i++) { /* upper case and hyphens, as somebody may type it */
            changed[i] = (char)(text[i] == ' ' ? '-' : text[i] >= 'a' ? text[i] - 32 : text[i]);
            changed[i + 1] = '\0';
        }
        ck_assert(shares_parse(bytes_str(changed), &again));
        for (size_t i = 0; text[i] != '\0'; i++) { /* each character mistyped, left out */
            if (text[i] == ' ')
                continue;
            (void)memcpy(changed, text, sizeof changed);
            changed[i] = text[i] == 'b' ? 'c' : 'b';
            ck_assert(!shares_parse(bytes_str(changed), &again));
            (void)memmove(changed + i, text + i + 1, strlen(text) - i);
            ck_assert(!shares_parse(bytes_str(changed), &again));
        }
    }
    ck_assert(!shares_parse(bytes_str(""), &again));
    ck_assert(!shares_parse(bytes_str("no share, 1 of 2"), &again));
    memset(changed, 'a', sizeof changed - 1);
    ck_assert(!shares_parse(bytes_of(changed, sizeof changed - 1), &again));
}
END_TEST

START_TEST(bounds)
{
    struct share s[SHARES_MAX];
    struct buf pin = BUF_INIT;
    ck_assert_int_ne(shares_split(BYTES_LIT("1234567"), 2, 3, s, &why), ZEGEL_OK);
    ck_assert_int_ne(shares_split(BYTES_LIT("a pin of thirty-three characters!"), 2, 3, s, &why), ZEGEL_OK);
    ck_assert_int_ne(shares_split(BYTES_LIT("correct-horse"), 1, 3, s, &why), ZEGEL_OK);
    ck_assert_int_ne(shares_split(BYTES_LIT("correct-horse"), 4, 3, s, &why), ZEGEL_OK);
    ck_assert_int_ne(shares_split(BYTES_LIT("correct-horse"), 2, 16, s, &why), ZEGEL_OK);
    ck_assert_int_ne(shares_random_pin(7, &pin, &why), ZEGEL_OK);
    ck_assert_int_ne(shares_random_pin(33, &pin, &why), ZEGEL_OK);
    ck_assert_uint_eq(pin.len, 0);
}
END_TEST

/* How often the text, each octet of it XOR 0x5a, is in the writable memory of this process: heap, stack, data. */
static unsigned in_memory(const uint8_t *masked, size_t len)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512], kind[5];
    unsigned long from, to;
    unsigned found = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %4s", &from, &to, kind) != 3 || strncmp(kind, "rw", 2) != 0 || strstr(line, "[v") != NULL)
            continue;
        for (const volatile uint8_t *p = (const volatile uint8_t *)from; (unsigned long)p + len <= to; p++) {
            size_t i = 0;
            while (i < len && (p[i] ^ 0x5a) == masked[i])
                i++;
            found += i == len;
        }
    }
    if (maps != NULL)
        (void)fclose(maps);
    return found;
}

START_TEST(nothing_stays)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    static uint8_t masked[16];
    static struct share s[3];
    struct buf pin = BUF_INIT, again = BUF_INIT;
    ck_assert_int_eq(shares_random_pin(16, &pin, &why), ZEGEL_OK);
    for (size_t i = 0; i < 16; i++)
        masked[i] = pin.data[i] ^ 0x5a;
    ck_assert_uint_ge(in_memory(masked, 16), 1); /* the search finds it where it is */
    ck_assert_int_eq(shares_split(buf_bytes(&pin), 2, 3, s, &why), ZEGEL_OK);
    ck_assert_int_eq(shares_combine(s, 3, &again, &why), ZEGEL_OK);
    ck_assert_uint_eq(again.len, 16);
    buf_free(&pin);
    buf_free(&again);
    ck_assert_uint_eq(in_memory(masked, 16), 0);
#endif
    buf_free(&why);
}
END_TEST

UNIT_MAIN("ceremony_shares", any_of_them, fewer_say_nothing, one_is_noise, wrong_ones, on_paper, bounds, nothing_stays)
