/* What several servers and a validating resolver say of a record, and what follows: nothing, unless all agree and it validates.
 */
#include "lifecycle/look.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define KEY "v=DKIM1; k=ed25519; p=AAAA"
#define OTHER "v=DKIM1; k=ed25519; p=BBBB"
#define EMPTY "v=DKIM1; k=ed25519; p="

/* An answer in one letter: k the key, e an empty p=, o something else, 2 the key twice, n none, x no answer, c only a CNAME. */
static void answer(struct observe_answer *a, char letter, char **room)
{
    static char name[] = "s._domainkey.a.nl", error[] = "no answer", target[] = "s.b.nl", key[] = KEY, empty[] = EMPTY,
                other[] = OTHER;
    *a = (struct observe_answer){.name = name,
                                 .records = room,
                                 .count = letter == '2'                                     ? 2
                                          : letter == 'n' || letter == 'x' || letter == 'c' ? 0
                                                                                            : 1};
    a->error = letter == 'x' ? error : NULL;
    a->alias = letter == 'c' ? target : NULL;
    room[0] = room[1] = letter == 'k' || letter == '2' ? key : letter == 'e' ? empty : other;
}

static enum life_seen seen(const char *servers, char resolver, enum observe_security security, const struct look_wish *w,
                           struct buf *detail)
{
    struct observe_answer list[4];
    char *rooms[5][2], server[] = "ns.a.nl 192.0.2.1";
    struct look l = {.servers = {.list = list, .count = (unsigned)strlen(servers)}, .asked = true};
    for (unsigned i = 0; i < l.servers.count; i++) {
        answer(&list[i], servers[i], rooms[i]);
        list[i].server = server;
    }
    answer(&l.validated, resolver, rooms[4]);
    l.validated.security = security;
    buf_clear(detail);
    return look_judge(&l, w, detail);
}

static const struct look_wish publication = {.wanted = KEY, .before = NULL}, revocation = {.wanted = EMPTY, .before = KEY},
                              removal = {.wanted = NULL, .before = EMPTY};

static const struct {
    const struct look_wish *wish;
    const char *servers;
    char resolver;
    enum life_seen seen;
} rows[] = {
    {&publication, "kk", 'k', LIFE_WANTED},
    {&publication, "nn", 'n', LIFE_OLD},
    {&publication, "kn", 'k', LIFE_MIXED},  /* a secondary lags */
    {&publication, "kk", 'n', LIFE_MIXED},  /* or the resolver's server does */
    {&publication, "kx", 'k', LIFE_UNSEEN}, /* one is down */
    {&publication, "nx", 'n', LIFE_UNSEEN},
    {&publication, "xx", 'k', LIFE_UNSEEN},
    {&publication, "", 'k', LIFE_UNSEEN},
    {&publication, "kk", 'x', LIFE_UNSEEN}, /* bogus, or no answer */
    {&publication, "ko", 'k', LIFE_UNSEEN}, /* one server alone says otherwise: lost, or forged on the way */
    {&publication, "oo", 'k', LIFE_UNSEEN},
    {&publication, "oo", 'o', LIFE_FOREIGN},
    {&publication, "kk", 'o', LIFE_FOREIGN},
    {&publication, "22", '2', LIFE_FOREIGN}, /* the right one, and once more */
    {&publication, "ee", 'e', LIFE_FOREIGN},
    {&publication, "ckk", 'k', LIFE_WANTED}, /* the zone with the CNAME, and the target's */
    {&publication, "c", 'k', LIFE_UNSEEN},
    {&revocation, "ee", 'e', LIFE_WANTED},
    {&revocation, "kk", 'k', LIFE_OLD},
    {&revocation, "ek", 'k', LIFE_MIXED},
    {&revocation, "nn", 'n', LIFE_FOREIGN}, /* gone, which nobody wanted */
    {&removal, "nn", 'n', LIFE_WANTED},
    {&removal, "ee", 'e', LIFE_OLD},
    {&removal, "kk", 'k', LIFE_FOREIGN},
};

START_TEST(test_all_must_agree)
{
    struct buf detail = BUF_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum life_seen is = seen(rows[i].servers, rows[i].resolver, OBSERVE_SECURE, rows[i].wish, &detail);
        ck_assert_msg(is == rows[i].seen, "row %zu: \"%s\" and %c: %d, not %d", i, rows[i].servers, rows[i].resolver, (int)is,
                      (int)rows[i].seen);
        ck_assert_msg(is == LIFE_WANTED ? detail.len == 0
                                        : detail.len > 0 || rows[i].servers[0] == '\0' || rows[i].servers[0] == 'c',
                      "row %zu: \"%s\"", i, buf_cstr(&detail));
    }
    buf_free(&detail);
}
END_TEST

/* Without a chain of trust nothing moves, either way, unless the policy allows it. */
START_TEST(test_it_must_validate)
{
    struct look_wish allowed = publication;
    struct buf detail = BUF_INIT;
    allowed.insecure_allowed = true;
    ck_assert_int_eq(seen("kk", 'k', OBSERVE_INSECURE, &publication, &detail), LIFE_UNSEEN);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&detail), "not secured by DNSSEC"));
    ck_assert_int_eq(seen("nn", 'n', OBSERVE_INSECURE, &publication, &detail), LIFE_UNSEEN);
    ck_assert_int_eq(seen("oo", 'o', OBSERVE_INSECURE, &publication, &detail), LIFE_UNSEEN);
    ck_assert_int_eq(seen("kk", 'k', OBSERVE_INSECURE, &allowed, &detail), LIFE_WANTED);
    ck_assert_int_eq(seen("oo", 'o', OBSERVE_INSECURE, &allowed, &detail), LIFE_FOREIGN);
    buf_free(&detail);
}
END_TEST

/* Two records of one generation: what is worse counts, and one that is to be sent is sent. */
START_TEST(test_two_go_together)
{
    static const enum life_seen order[] = {LIFE_WANTED, LIFE_MIXED, LIFE_OLD, LIFE_UNSEEN, LIFE_FOREIGN};
    for (unsigned a = 0; a < 5; a++)
        for (unsigned b = 0; b < 5; b++)
            ck_assert_int_eq(look_both(order[a], order[b]), order[a > b ? a : b]);
}
END_TEST

UNIT_MAIN("look", test_all_must_agree, test_it_must_validate, test_two_go_together)
