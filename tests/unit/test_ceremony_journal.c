/* The journal: nothing can be dropped, moved, changed or added without it being seen; it survives a torn line and a full disk. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "base/err.h"
#include "ceremony/journal.h"
#include "ceremony/plan.h"
#include "ceremony/store.h"
#include "unit.h"

#define PLAN_HASH "1111111111111111111111111111111111111111111111111111111111111111"

static char dir[64];
static struct buf why;

static int append(struct journal *j, int64_t now, const char *event, const char *step)
{
    buf_clear(&why);
    return journal_append(j, now, event, step, NULL, &why);
}

static void start(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/zegel-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void stop(void)
{
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    buf_free(&why);
}

static void write_five(struct buf *text)
{
    struct journal j;
    start();
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1000, "open", ""), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1000, "intent", "a"), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1001, "done", "a"), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1002, "exception", "E1"), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1003, "close", ""), ZEGEL_OK);
    journal_close(&j);
    ck_assert_int_eq(store_read(dir, JOURNAL_FILE, text, &why), ZEGEL_OK);
}

static int parse(struct bytes text, size_t *count)
{
    json_t *entries;
    char head[CANON_HEX];
    size_t whole;
    buf_clear(&why);
    int err = journal_parse(text, PLAN_HASH, &entries, head, &whole, &why);
    *count = json_array_size(entries);
    json_decref(entries);
    return err == ZEGEL_OK && whole < text.len ? ZEGEL_ERR_FORMAT : err;
}

START_TEST(every_octet_counts)
{
    struct buf text = BUF_INIT;
    size_t count;
    write_five(&text);
    ck_assert_int_eq(parse(buf_bytes(&text), &count), ZEGEL_OK);
    ck_assert_uint_eq(count, 5);
    size_t last = text.len - 1;
    while (last > 0 && text.data[last - 1] != '\n')
        last--;
    for (size_t i = 0; i < last; i++) /* all lines but the last, which only the manifest can hold */
        for (int bit = 1; bit < 256; bit <<= 1) {
            text.data[i] ^= (uint8_t)bit;
            ck_assert_msg(parse(buf_bytes(&text), &count) == ZEGEL_ERR_FORMAT, "octet %zu, bit %d", i, bit);
            text.data[i] ^= (uint8_t)bit;
        }
    buf_free(&text);
    stop();
}
END_TEST

/* Lines as views, put together again in another way. */
START_TEST(dropped_swapped_doubled)
{
    struct buf text = BUF_INIT, other = BUF_INIT;
    struct bytes lines[5];
    size_t count, at = 0;
    write_five(&text);
    for (int i = 0; i < 5; i++) {
        size_t end = at + bytes_find(bytes_slice(buf_bytes(&text), at, text.len), '\n') + 1;
        lines[i] = bytes_slice(buf_bytes(&text), at, end);
        at = end;
    }
    for (int drop = 0; drop < 4; drop++) {
        buf_clear(&other);
        for (int i = 0; i < 5; i++)
            if (i != drop)
                buf_add(&other, lines[i]);
        ck_assert_int_eq(parse(buf_bytes(&other), &count), ZEGEL_ERR_FORMAT);
    }
    for (int swap = 0; swap < 4; swap++) {
        buf_clear(&other);
        for (int i = 0; i < 5; i++)
            buf_add(&other, lines[i == swap ? swap + 1 : i == swap + 1 ? swap : i]);
        ck_assert_int_eq(parse(buf_bytes(&other), &count), ZEGEL_ERR_FORMAT);
    }
    for (int twice = 0; twice < 5; twice++) {
        buf_clear(&other);
        for (int i = 0; i < 5; i++) {
            buf_add(&other, lines[i]);
            if (i == twice)
                buf_add(&other, lines[i]);
        }
        ck_assert_int_eq(parse(buf_bytes(&other), &count), ZEGEL_ERR_FORMAT);
    }
    buf_free(&text);
    buf_free(&other);
    stop();
}
END_TEST

START_TEST(order_of_events)
{
    struct journal j;
    struct buf text = BUF_INIT;
    size_t count;
    start();
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1000, "done", "a"), ZEGEL_OK); /* the writer is ours; the reader trusts nobody */
    journal_close(&j);
    ck_assert_int_eq(store_read(dir, JOURNAL_FILE, &text, &why), ZEGEL_OK);
    ck_assert_int_eq(parse(buf_bytes(&text), &count), ZEGEL_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "without having said"));
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_ERR_FORMAT);
    buf_free(&text);
    stop();
}
END_TEST

START_TEST(clock_set_back)
{
    struct journal j;
    start();
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 5000, "open", ""), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 4999, "intent", "a"), ZEGEL_ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "clock"));
    journal_close(&j);
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK); /* and it is remembered */
    ck_assert_int_eq(append(&j, 4999, "intent", "a"), ZEGEL_ERR_REFUSED);
    ck_assert_int_eq(append(&j, 5000, "intent", "a"), ZEGEL_OK);
    journal_close(&j);
    stop();
}
END_TEST

START_TEST(another_plan_or_run)
{
    struct journal j, second;
    start();
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 5000, "open", ""), ZEGEL_OK);
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &second, &why), ZEGEL_ERR_BUSY);
    journal_close(&j);
    ck_assert_int_eq(journal_open(dir, PLAN_NO_PREVIOUS, &j, &why), ZEGEL_ERR_FORMAT);
    stop();
}
END_TEST

/* Cut at every octet: what was whole stays, the torn rest goes, and writing continues. */
START_TEST(torn_line)
{
    struct buf text = BUF_INIT;
    write_five(&text);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/" JOURNAL_FILE, dir);
    for (size_t cut = text.len - 2; cut > 0; cut -= cut > 7 ? 7 : cut) {
        struct journal j;
        size_t lines = 0;
        for (size_t i = 0; i < cut; i++)
            lines += text.data[i] == '\n';
        FILE *f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(text.data, 1, cut, f), cut);
        (void)fclose(f);
        ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
        ck_assert_uint_eq(json_array_size(j.entries), lines);
        ck_assert_int_eq(append(&j, 2000, "resume", ""), ZEGEL_OK);
        journal_close(&j);
        ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
        ck_assert_uint_eq(json_array_size(j.entries), lines + 1);
        journal_close(&j);
    }
    buf_free(&text);
    stop();
}
END_TEST

/* RLIMIT_FSIZE stands in for a full disk: a short write, then an error. */
START_TEST(disk_full)
{
    struct journal j;
    struct rlimit old, small;
    start();
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
    ck_assert_int_eq(append(&j, 1, "open", ""), ZEGEL_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 200;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    int err = append(&j, 1, "intent", "a");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_int_eq(err, ZEGEL_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "free space"));
    ck_assert_int_eq(append(&j, 1, "intent", "a"), ZEGEL_OK);
    journal_close(&j);
    ck_assert_int_eq(journal_open(dir, PLAN_HASH, &j, &why), ZEGEL_OK);
    ck_assert_uint_eq(json_array_size(j.entries), 2);
    journal_close(&j);
    stop();
}
END_TEST

UNIT_MAIN("ceremony_journal", every_octet_counts, dropped_swapped_doubled, order_of_events, clock_set_back, another_plan_or_run,
          torn_line, disk_full)
