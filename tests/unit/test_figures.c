/* Pages of figures: what a writer counts is what a reader finds; and what a writer that was taken over can do to a reader:
 * nothing. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "figures/figures.h"
#include "status/book.h"
#include "unit.h"

static int page;

static struct config *config(void)
{
    static const char yaml[] =
        "state: /tmp\ntokens: [{name: t, module: /m.so, token: 'pkcs11:token=t', pin: prompt}]\n"
        "listen: ['inet:1@127.0.0.1']\ndomains: [{domain: example.nl, keys: [{selector: a, algorithm: rsa-sha256}]}]\n";
    struct config *c = NULL;
    struct buf why = BUF_INIT;
    ck_assert_msg(config_parse("test", BYTES_LIT(yaml), &c, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    return c;
}

static void fresh(void)
{
    ck_assert_int_ge(page = figures_new(), 0);
    figures_take(page);
}

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50000; i++) {
        figures_count(FIGURE_SIGNED);
        figures_observe(FIGURE_TIME_MESSAGE, i % 2 == 0 ? 700 : 20000000);
    }
    return NULL;
}

START_TEST(many_threads)
{
    pthread_t t[4];
    fresh();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, count, NULL), 0);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(t[i], NULL);
    const struct figures *f = figures_map(page);
    ck_assert_uint_eq(book_read(&f->counter[FIGURE_SIGNED]), 200000);
    ck_assert_uint_eq(book_observations(&f->time[FIGURE_TIME_MESSAGE]), 200000);
    ck_assert_int_eq(book_quantile_us(&f->time[FIGURE_TIME_MESSAGE], 500), 1000);
    ck_assert_int_eq(book_quantile_us(&f->time[FIGURE_TIME_MESSAGE], 990), -1); /* above all bounds */
    ck_assert_uint_eq(book_read(&f->time[FIGURE_TIME_MESSAGE].sum_us), 100000 * 700ULL + 100000 * 20000000ULL);
    ck_assert_int_eq(book_quantile_us(&f->time[FIGURE_TIME_SIGN], 500), -1); /* none */
    figures_unmap(f);
}
END_TEST

START_TEST(domains_are_bounded)
{
    fresh();
    for (int i = 0; i < 5000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "d%d.example", i);
        figures_signature(name, true);
        figures_signature(name, true);
    }
    const struct figures *f = figures_map(page);
    uint64_t named = 0;
    for (unsigned i = 0; i < FIGURES_DOMAINS; i++)
        named += book_read(&f->domain[i].ed25519);
    ck_assert_uint_eq(named, 2 * FIGURES_DOMAINS);
    ck_assert_uint_eq(book_read(&f->other_ed25519), 10000 - 2 * FIGURES_DOMAINS);
    figures_unmap(f);
}
END_TEST

START_TEST(reasons_are_bounded)
{
    fresh();
    figures_fail(ZEGEL_ERR_PIN);
    figures_fail(-1000);
    figures_fail(7);
    figures_verified(99);
    ck_assert_uint_eq(book_read(&figures->failed[14]), 1);
    ck_assert_uint_eq(book_read(&figures->failed[0]), 2);
    ck_assert_str_eq(book_reason(14), "pin");
    ck_assert_str_eq(book_reason(31), "other");
    ck_assert_str_eq(book_reason(4000000), "other");
}
END_TEST

/* The signer's page, written by somebody else: names without an end, of other domains, and counts beyond measure. */
START_TEST(hostile_page)
{
    static struct book b;
    fresh();
    book_set_config(&b, config());
    book_add(&b, "zegel-signer ", page);
    for (unsigned i = 0; i < FIGURES_DOMAINS; i++) {
        memset(figures->domain[i].name, i % 2 == 0 ? 'a' : '"', sizeof figures->domain[i].name);
        atomic_store(&figures->domain[i].used, 4000000000U);
        atomic_store(&figures->domain[i].rsa, UINT64_MAX);
    }
    (void)snprintf(figures->domain[7].name, sizeof figures->domain[7].name, "evil.example\"}\n");
    (void)snprintf(figures->domain[8].name, sizeof figures->domain[8].name, "example.nl");
    for (unsigned i = 0; i < FIGURES_DOMAINS; i++)
        ck_assert_int_eq(book_domain(&b, i) != NULL, i == 8);
    figures_set(FIGURE_TOKEN_STATE, INT64_MIN);
    ck_assert_str_eq(book_worker_state(&b, 0, 0), "starting"); /* that is the worker's page to say, not the signer's */
    /* it cannot make the page shorter, so that the reader would fault */
    ck_assert_int_ne(ftruncate(page, 0), 0);
    ck_assert_int_ne(fcntl(page, F_ADD_SEALS, F_SEAL_WRITE), 0);
}
END_TEST

START_TEST(no_page)
{
    static struct book b;
    int fd = memfd_create("short", MFD_ALLOW_SEALING);
    book_set_config(&b, config());
    ck_assert_ptr_null(figures_map(fd)); /* unsealed */
    ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    ck_assert_ptr_null(figures_map(fd)); /* too short */
    struct figures *before = figures;
    figures_take(fd);
    ck_assert_ptr_eq(figures, before);
    int good = figures_new(), other = figures_new();
    uint32_t layout = 1;
    ck_assert_int_eq(pwrite(good, &layout, sizeof layout, 0), sizeof layout);
    ck_assert_ptr_null(figures_map(good)); /* of another version */
    int reading = figures_read_only(other);
    ck_assert_int_ge(reading, 0);
    ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reading, 0), MAP_FAILED);
    const struct figures *f = figures_map(reading);
    ck_assert_ptr_nonnull(f);
    figures_unmap(f);
    for (int i = 0; i < 500; i++) { /* more processes than there is room for */
        char name[64];
        (void)snprintf(name, sizeof name, "zegel-milter inet:%d@127.0.0.1", i);
        book_add(&b, name, other);
    }
    ck_assert_uint_eq(b.count, FIGURES_PROCESSES);
    book_add(&b, "a-program-with-a-name-that-is-much-too-long-for-its-room x", other);
    ck_assert_uint_eq(b.count, FIGURES_PROCESSES);
    (void)close(fd);
}
END_TEST

UNIT_MAIN("figures", many_threads, domains_are_bounded, reasons_are_bounded, hostile_page, no_page)
