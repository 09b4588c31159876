/* Which worker of a token is asked, and which is given up on. */
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "signer/workers.h"
#include "unit.h"

static struct workers all;
static struct token_workers *t;
static int ends[CONFIG_WORKERS_MAX]; /* the workers' */

/* A token with so many workers, which have said that they are logged in. */
static void with_workers(unsigned count)
{
    while (all.count > 0)
        free(all.tokens[--all.count].name);
    memset(&all, 0, sizeof all);
    ck_assert_int_eq(workers_token(&all, "t"), 0);
    t = &all.tokens[0];
    t->sessions = 64;
    for (unsigned i = 0; i < count; i++) {
        int fds[2];
        ck_assert_int_eq(io_pair(fds), ZEGEL_OK);
        worker_replace(&t->all[i], fds[0]);
        t->all[i].logged_in = true;
        ends[i] = fds[1];
    }
}

static void send_one(unsigned number, int64_t now_ms)
{
    ck_assert_int_eq(worker_send(&t->all[number], BYTES_LIT("request"), now_ms), ZEGEL_OK);
}

START_TEST(names)
{
    unsigned token = 9, number = 9;
    with_workers(0);
    ck_assert(workers_find(&all, "t/3", &token, &number) && token == 0 && number == 3);
    ck_assert(workers_find(&all, "u", &token, &number) && token == 1 && number == 0);
    ck_assert_int_eq(workers_token(&all, "t"), 0);
    ck_assert(!workers_find(&all, "t/4", &token, &number));
    ck_assert(!workers_find(&all, "t/-1", &token, &number));
    for (unsigned i = 2; i < WORKERS_TOKENS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%u", i);
        ck_assert_int_eq(workers_token(&all, name), (int)i);
    }
    ck_assert(!workers_find(&all, "one-too-many/0", &token, &number));
}
END_TEST

START_TEST(least_in_flight)
{
    with_workers(3);
    for (unsigned i = 0; i < 30; i++)
        send_one((unsigned)workers_pick(t, 0, 1000), 1000);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(t->all[i].in_flight, 10);
    (void)worker_answered(&t->all[1], ZEGEL_OK, 1001);
    ck_assert_int_eq(workers_pick(t, 0, 1001), 1);
    ck_assert_int_ne(workers_pick(t, 1U << 1, 1001), 1);
    ck_assert_int_eq(workers_pick(t, 7, 1001), -1);
}
END_TEST

/* One that is still logging in is asked when there is no other. */
START_TEST(logging_in)
{
    with_workers(2);
    t->all[0].logged_in = false;
    send_one(1, 1000);
    ck_assert_int_eq(workers_pick(t, 0, 1000), 1);
    worker_replace(&t->all[1], -1);
    ck_assert_int_eq(workers_pick(t, 0, 1000), 0);
    ck_assert(!workers_any_ready(t, 0, 1000));
    ck_assert(workers_any(t, 1)); /* number 1 will come back */
    ck_assert(!workers_any(t, 3));
}
END_TEST

START_TEST(silence)
{
    with_workers(2);
    ck_assert(!worker_is_silent(&t->all[0], 1000000)); /* it was not asked anything */
    send_one(0, 1000);
    send_one(0, 1600);
    ck_assert_int_eq(workers_timeout(&all, 1500, 1000), 500);
    ck_assert(!workers_all_silent(t, 1, 1999));
    ck_assert(workers_all_silent(t, 1, 2000));
    ck_assert_int_eq(workers_pick(t, 0, 2000), 1);
    for (unsigned i = 0; i < 5; i++) /* one that works and has much to do is asked before one that is silent */
        send_one(1, 2000);
    ck_assert_int_eq(workers_pick(t, 0, 2000), 1);
    (void)worker_answered(&t->all[0], ZEGEL_OK, 2100);
    ck_assert(!workers_all_silent(t, 1, 2100)); /* slow, not stuck */
    ck_assert_int_eq(workers_pick(t, 0, 2100), 0);
}
END_TEST

START_TEST(failures)
{
    with_workers(2);
    send_one(0, 1000);
    ck_assert(worker_answered(&t->all[0], ZEGEL_ERR_PIN, 1000));
    ck_assert_int_eq(workers_pick(t, 0, 1500), 1);
    ck_assert(worker_is_ready(&t->all[0], 2000));
    send_one(0, 2000);
    ck_assert(!worker_answered(&t->all[0], ZEGEL_ERR_KEY_GONE, 2000)); /* the token says so, not this worker */
    ck_assert(worker_is_ready(&t->all[0], 2000));
    (void)close(ends[0]);
    ck_assert_int_eq(worker_send(&t->all[0], BYTES_LIT("x"), 2000), ZEGEL_ERR_CLOSED);
}
END_TEST

/* What does not fit into a socket is not lost: it is full until it takes more. */
START_TEST(bounded)
{
    static uint8_t packet[IO_PACKET_MAX];
    with_workers(1);
    unsigned sent = 0;
    while (workers_pick(t, 0, 1000) == 0 && worker_send(&t->all[0], bytes_of(packet, sizeof packet), 1000) == ZEGEL_OK)
        sent++;
    ck_assert(t->all[0].full && sent > 0 && t->all[0].in_flight == sent);
    ck_assert_int_eq(workers_pick(t, 0, 1000), -1);
}
END_TEST

/* How many it takes. */
static unsigned fill(void)
{
    unsigned sent = 0;
    while (workers_pick(t, 0, 1000) == 0) {
        send_one(0, 1000);
        sent++;
    }
    return sent;
}

/* Its sessions' worth, and what it does in the next 20 ms. */
START_TEST(depth)
{
    with_workers(1);
    t->sessions = 8;
    ck_assert_uint_eq(fill(), 16); /* not measured yet */
    with_workers(1);
    t->sessions = 8;
    worker_took(&t->all[0], 8, 40000, 3); /* 40 ms each, eight at once: four in 20 ms */
    ck_assert_uint_eq(fill(), 12);
    with_workers(1);
    t->sessions = 1;
    worker_took(&t->all[0], 1, 500000, 1); /* a smartcard: the next one lies ready */
    ck_assert_uint_eq(fill(), 2);
    with_workers(1);
    t->sessions = 1;
    worker_took(&t->all[0], 1, 0, 1);
    ck_assert_uint_eq(fill(), 65);
}
END_TEST

/* What is asked of them now is answered when? */
START_TEST(waits)
{
    with_workers(2);
    ck_assert_int_eq(workers_wait_ms(t, 1000, 1000), 0); /* nobody knows */
    worker_took(&t->all[0], 4, 40000, 2);                /* four at once in 40 ms */
    ck_assert_int_eq(workers_wait_ms(t, 1000, 1000), 0);
    worker_took(&t->all[1], 4, 80000, 8); /* two rounds of four: the same pace */
    ck_assert_int_eq(workers_wait_ms(t, 1000, 1000), 5000);
    for (unsigned i = 0; i < 100; i++) /* it has become slower */
        worker_took(&t->all[0], 4, 400000, 4);
    ck_assert_int_ge(workers_wait_ms(t, 1000, 1000), 9000);
    ck_assert_int_le(workers_wait_ms(t, 1000, 1000), 9100);
    int64_t before = workers_wait_ms(t, 1000, 1000);
    worker_took(&t->all[1], 4, 60000000, 1); /* a minute, once */
    ck_assert_int_le(workers_wait_ms(t, 1000, 1000), 3 * before);
    worker_replace(&t->all[1], -1);
    ck_assert_int_ge(workers_wait_ms(t, 1000, 1000), 90000);
    worker_replace(&t->all[0], -1);
    ck_assert_int_eq(workers_wait_ms(t, 1000, 1000), 0); /* its deadline will tell */
}
END_TEST

START_TEST(forgotten)
{
    with_workers(0);
    free(t->name);
    all.count = 0;
}
END_TEST

UNIT_MAIN("workers", names, least_in_flight, logging_in, silence, failures, bounded, depth, waits, forgotten)
