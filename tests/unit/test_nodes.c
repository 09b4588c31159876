/* What the hosts that sign say: their taken files and audit logs, which others may have written. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "lifecycle/nodes.h"
#include "unit.h"

#define RECORDS "audit/records-0000000000000000.jsonl"

static char state[64];
static const struct store_key key = {.selector = "s1"};

static void make_state(void)
{
    char path[128];
    (void)snprintf(state, sizeof state, "/tmp/zegel-nodes-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state));
    (void)snprintf(path, sizeof path, "%s/audit", state);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void write_file(const char *name, const struct buf *content)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", state, name);
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    if (content->len > 0)
        ck_assert_uint_eq(fwrite(content->data, 1, content->len, f), content->len);
    ck_assert_int_eq(fclose(f), 0);
}

static void remove_state(void)
{
    static const char *const names[] = {RECORDS, "taken"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", state, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/audit", state);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rmdir(state), 0);
}

static void add_record(struct buf *log, int64_t time_s, const char *selector)
{
    buf_addf(log, "{\"seq\":1,\"time\":%lld,\"key\":\"k\",\"d\":\"a.nl\",\"s\":\"%s\",\"verdict\":\"signed\"}\n",
             (long long)time_s, selector);
}

/* 100,000 is now; 90,000 as far back as anybody wants to know. */
static int64_t signed_last(const struct buf *log, bool *said)
{
    struct config c = {.state = state};
    struct buf why = BUF_INIT;
    write_file(RECORDS, log);
    int64_t last = nodes_signed(&c, "a.nl", &key, 1, 90000, 100000, &why);
    *said = why.len > 0;
    buf_free(&why);
    return last;
}

START_TEST(a_record_is_found_wherever_a_chunk_ends)
{
    bool said;
    make_state();
    for (unsigned before = 0; before < 3; before++)
        for (unsigned after = 500; after < 3000; after += 311) {
            struct buf log = BUF_INIT;
            for (unsigned i = 0; i < 700 * before; i++)
                add_record(&log, 95000, "other");
            add_record(&log, 95001, "s1");
            for (unsigned i = 0; i < after; i++)
                add_record(&log, 95002, i % 7 == 0 ? "a-longer-selector" : "other");
            ck_assert_int_eq(signed_last(&log, &said), 95001);
            ck_assert(!said);
            buf_free(&log);
        }
    remove_state();
}
END_TEST

START_TEST(what_is_too_old_is_not_read_on)
{
    struct buf log = BUF_INIT;
    bool said;
    make_state();
    add_record(&log, 99000, "s1"); /* cannot be: it stands before an older one */
    add_record(&log, 89999, "other");
    for (unsigned i = 0; i < 5000; i++)
        add_record(&log, 95000, "other");
    ck_assert_int_eq(signed_last(&log, &said), 0);
    ck_assert(!said);
    buf_free(&log);
    ck_assert_int_eq(signed_last(&log, &said), 0); /* an empty file */
    ck_assert(!said);
    remove_state();
}
END_TEST

START_TEST(a_line_without_end_is_no_record)
{
    struct buf log = BUF_INIT;
    bool said;
    make_state();
    add_record(&log, 95001, "s1");
    for (unsigned i = 0; i < 300000; i++)
        buf_add_u8(&log, 'x');
    ck_assert_int_eq(signed_last(&log, &said), 100000); /* who cannot read it waits */
    ck_assert(said);
    buf_free(&log);
    remove_state();
}
END_TEST

START_TEST(taken)
{
    struct config c = {.state = state};
    struct nodes *n;
    struct buf text = BUF_INIT;
    const char *lags = NULL;
    make_state();
    for (unsigned i = 0; i < 1000000; i++)
        buf_add_u8(&text, '\n');
    for (unsigned i = 0; i < 600; i++)
        buf_add_u8(&text, 'a'); /* longer than a line may be */
    buf_add_str(&text, " 5 s1\nb.nl x s1\na.nl 7 s1\nc.nl 8 s1");
    write_file("taken", &text);
    ck_assert_int_eq(nodes_read(&c, &n), ZEGEL_OK);
    ck_assert_int_eq(nodes_taken(n, "a.nl", &key, 1, &lags), 7);
    ck_assert_int_eq(nodes_taken(n, "b.nl", &key, 1, &lags), 0);
    ck_assert_int_eq(nodes_taken(n, "c.nl", &key, 1, &lags), 0); /* half a line is none */
    ck_assert_str_eq(lags, "");
    nodes_free(n);
    buf_free(&text);
    remove_state();
}
END_TEST

UNIT_MAIN("nodes", a_record_is_found_wherever_a_chunk_ends, what_is_too_old_is_not_read_on, a_line_without_end_is_no_record,
          taken)
