/* What of all that waits for a token is next. */
#include "signer/queue.h"
#include "unit.h"

enum { MOST = 64 };

static struct queue q;
static struct queued all[MOST];
static unsigned count;
static const char keys[4];

static struct queued *wait_for(unsigned key, const char *domain, int64_t deadline_ms)
{
    struct queued *e = &all[count++];
    *e = (struct queued){.key = &keys[key], .domain = domain, .deadline_ms = deadline_ms};
    ck_assert(queue_add(&q, e));
    return e;
}

static void done(struct queued *e)
{
    queue_end(&q, e);
    ck_assert_ptr_null(e->share);
}

static struct queued *start_next(void)
{
    struct queued *e = queue_next(&q);
    if (e != NULL)
        queue_start(&q, e);
    return e;
}

static void empty(void)
{
    for (unsigned i = 0; i < count; i++)
        queue_end(&q, &all[i]);
    ck_assert_ptr_null(q.shares); /* nothing is kept of who has nothing here */
    count = 0;
}

START_TEST(earliest_deadline_first)
{
    struct queued *b = wait_for(0, "a.nl", 200), *d = wait_for(0, "a.nl", 400), *c = wait_for(0, "a.nl", 300),
                  *a = wait_for(0, "a.nl", 100), *c2 = wait_for(0, "a.nl", 300);
    struct queued *const order[] = {a, b, c, c2, d};
    for (unsigned i = 0; i < 5; i++)
        ck_assert_ptr_eq(start_next(), order[i]);
    ck_assert_ptr_null(start_next());
    empty();
}
END_TEST

/* Of two domains whose turn it is, the one whose message must be answered first. */
START_TEST(deadline_between_shares)
{
    (void)wait_for(0, "a.nl", 300);
    struct queued *b = wait_for(1, "b.nl", 200);
    ck_assert_ptr_eq(queue_next(&q), b);
    empty();
}
END_TEST

/* Forty messages of one domain, all due before the two of another: they take turns all the same. */
START_TEST(fair_between_domains)
{
    for (unsigned i = 0; i < 40; i++)
        (void)wait_for(0, "bulk.nl", 100 + i);
    for (unsigned i = 0; i < 10; i++)
        (void)start_next();
    struct queued *x = wait_for(1, "b.nl", 1000), *y = wait_for(1, "b.nl", 1001);
    ck_assert_ptr_eq(start_next(), x); /* not ten times, to catch up */
    ck_assert_str_eq(start_next()->domain, "bulk.nl");
    ck_assert_ptr_eq(start_next(), y);
    ck_assert_str_eq(start_next()->domain, "bulk.nl");
    empty();
}
END_TEST

/* A token of one session serves three domains in turn, however much each has. */
START_TEST(turns)
{
    unsigned served[3] = {0};
    for (unsigned i = 0; i < 30; i++)
        (void)wait_for(0, "a.nl", 10 + i);
    for (unsigned i = 0; i < 10; i++) {
        (void)wait_for(1, "b.nl", 100 + i);
        (void)wait_for(2, "c.nl", 200 + i);
    }
    struct queued *one = start_next(), *two = start_next();
    for (unsigned i = 0; i < 24; i++) { /* one under way, one on its way to the token */
        served[one->domain[0] - 'a']++;
        done(one);
        one = two;
        two = start_next();
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert(served[i] >= 7 && served[i] <= 9);
    empty();
}
END_TEST

/* One key for many domains, and many keys for one: each pair has its share. */
START_TEST(key_and_domain)
{
    struct queued *a = wait_for(0, "a.nl", 100);
    (void)wait_for(0, "a.nl", 101);
    struct queued *b = wait_for(0, "b.nl", 200), *a2 = wait_for(1, "a.nl", 300);
    ck_assert_ptr_eq(start_next(), a);
    ck_assert_ptr_eq(start_next(), b);
    ck_assert_ptr_eq(start_next(), a2);
    ck_assert_uint_eq(queue_share(&q, a), 2);
    ck_assert_uint_eq(queue_share(&q, b), 1);
    empty();
}
END_TEST

/* Who sends too much waits for his own; who comes after him, for one of his. */
START_TEST(ahead)
{
    const struct queued bulk = {.key = &keys[0], .domain = "bulk.nl"}, other = {.key = &keys[1], .domain = "b.nl"};
    ck_assert_uint_eq(queue_ahead(&q, &other), 0);
    for (unsigned i = 0; i < 40; i++)
        (void)wait_for(0, "bulk.nl", 100 + i);
    (void)start_next();
    ck_assert_uint_eq(queue_ahead(&q, &bulk), 40);
    ck_assert_uint_eq(queue_ahead(&q, &other), 1);
    (void)wait_for(1, "b.nl", 500);
    ck_assert_uint_eq(queue_ahead(&q, &other), 3);
    ck_assert_uint_eq(queue_ahead(&q, &bulk), 41);
    empty();
}
END_TEST

/* What each share holds in octets, until it is answered. */
START_TEST(octets)
{
    struct queued a = {.key = &keys[0], .domain = "a.nl", .deadline_ms = 1, .octets = 1000}, b = a, c = a;
    c.domain = "c.nl";
    c.octets = 70;
    ck_assert_uint_eq(queue_share_octets(&q, &a), 0);
    ck_assert(queue_add(&q, &a) && queue_add(&q, &b) && queue_add(&q, &c));
    ck_assert_uint_eq(queue_share_octets(&q, &a), 2000);
    ck_assert_uint_eq(queue_share_octets(&q, &c), 70);
    queue_start(&q, &a);
    ck_assert_uint_eq(queue_share_octets(&q, &b), 2000);
    queue_end(&q, &a);
    ck_assert_uint_eq(queue_share_octets(&q, &b), 1000);
    queue_end(&q, &b);
    queue_end(&q, &c);
    ck_assert_ptr_null(q.shares);
}
END_TEST

/* Whatever is given up while it waits leaves the others in their order. */
START_TEST(given_up)
{
    struct queued *a = wait_for(0, "a.nl", 100), *b = wait_for(0, "a.nl", 200), *c = wait_for(0, "a.nl", 300);
    done(c);
    done(b);
    struct queued *d = wait_for(0, "a.nl", 250);
    done(a);
    ck_assert_ptr_eq(start_next(), d);
    done(d);
    done(d); /* in no queue: nothing */
    ck_assert_ptr_null(queue_next(&q));
    empty();
}
END_TEST

UNIT_MAIN("queue", earliest_deadline_first, deadline_between_shares, fair_between_domains, turns, key_and_domain, ahead, octets,
          given_up)
