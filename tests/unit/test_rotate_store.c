/* The store of zegel rotate: what it keeps, what it refuses, and what it never lets go. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "lifecycle/store.h"
#include "unit.h"

static char state[64];
static struct buf why;

static void make_state(void)
{
    (void)snprintf(state, sizeof state, "/tmp/zegel-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state));
    why = BUF_INIT;
}

static void path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", state, name);
}

static void remove_state(void)
{
    static const char *const names[] = {"zegel.db", "zegel.db-wal", "zegel.db-shm", "zegel.db-journal", "zegel.db.lock", "other"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    ck_assert_int_eq(rmdir(state), 0);
    buf_free(&why);
}

static struct store *open_store(void)
{
    struct store *s;
    ck_assert_msg(store_open(state, true, &s, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    return s;
}

static int open_again(bool write)
{
    struct store *s;
    buf_clear(&why);
    int err = store_open(state, write, &s, &why);
    store_close(s);
    return err;
}

#define good(call) ck_assert_msg((call) == ZEGEL_OK, "%s", buf_cstr(&why))

/* Generation `number`, active, with one key. */
static void fill(struct store *s, struct life_domain *d, unsigned number)
{
    struct store_key k = {.number = number, .algorithm = "ed25519", .id = "0102"};
    (void)snprintf(k.selector, sizeof k.selector, "s%u", number);
    *d = (struct life_domain){.count = 1, .signing = number, .activations = 3, .last_number = number, .suspended = true};
    d->generations[0] = (struct life_generation){.number = number,
                                                 .state = LIFE_ACTIVE,
                                                 .private_key = LIFE_LIVE,
                                                 .since_s = 5,
                                                 .seen_s = 1,
                                                 .activated_s = 5,
                                                 .ttl = 300,
                                                 .negative_ttl = 60,
                                                 .revoked_at = 2,
                                                 .approved = true};
    good(store_begin(s, &why));
    good(store_save(s, "a.nl", d, &why));
    good(store_key_add(s, "a.nl", &k, &why));
    good(store_enter(s,
                     &(struct store_transition){.time_s = 3,
                                                .domain = "a.nl",
                                                .number = number,
                                                .act = "generate",
                                                .from = "planned",
                                                .to = "generated",
                                                .who = "me",
                                                .note = ""},
                     &why));
    good(store_commit(s, &why));
}

START_TEST(test_what_is_kept)
{
    struct life_domain d, back;
    struct store_key keys[STORE_KEYS_MAX];
    struct store_life life;
    unsigned count, number;
    make_state();
    struct store *s = open_store();
    good(store_load(s, "a.nl", &back, &why));
    ck_assert_uint_eq(back.count, 0);
    fill(s, &d, 7);
    store_close(s);
    s = open_store();
    good(store_load(s, "a.nl", &back, &why));
    const struct life_generation *g = &back.generations[0];
    ck_assert(g->number == 7 && g->state == LIFE_ACTIVE && g->private_key == LIFE_LIVE && g->since_s == 5 && g->seen_s == 1);
    ck_assert(g->activated_s == 5 && g->retired_s == 0 && g->ttl == 300 && g->negative_ttl == 60 && g->revoked_at == 2);
    ck_assert(g->approved && !g->closed);
    ck_assert_uint_eq(back.signing, 7);
    ck_assert_uint_eq(back.activations, 3);
    ck_assert(back.suspended && !back.frozen);
    good(store_keys(s, "a.nl", 7, keys, &count, &why));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(keys[0].selector, "s7");
    good(store_find_selector(s, "a.nl", "s7", &number, &why));
    ck_assert_uint_eq(number, 7);
    good(store_life(s, "a.nl", "s7", &life, &why));
    ck_assert_int_eq(life.made_s, 3);
    ck_assert_int_eq(life.activated_s, 5);
    ck_assert_int_eq(life.state, LIFE_ACTIVE);
    ck_assert_int_eq(store_life(s, "a.nl", "s8", &life, &why), ZEGEL_ERR_NOT_FOUND);
    store_close(s);
    remove_state();
}
END_TEST

START_TEST(test_a_selector_is_never_used_again)
{
    struct life_domain d;
    make_state();
    struct store *s = open_store();
    fill(s, &d, 1);
    struct store_key again = {.number = 1, .algorithm = "rsa2048", .selector = "s1", .id = "03"};
    good(store_begin(s, &why));
    ck_assert_int_eq(store_key_add(s, "a.nl", &again, &why), ZEGEL_ERR_EXISTS);
    store_rollback(s);
    buf_clear(&why);
    good(store_permission(s, "a.nl", "s1", 4, &why));
    ck_assert_int_eq(store_permission(s, "a.nl", "s1", 4, &why), ZEGEL_ERR_REFUSED);
    ck_assert_int_eq(store_permission(s, "a.nl", "s1", 3, &why), ZEGEL_ERR_REFUSED);
    buf_clear(&why);
    good(store_permission(s, "a.nl", "s1", 5, &why));
    store_close(s);
    remove_state();
}
END_TEST

START_TEST(test_nothing_is_rewritten)
{
    static const char *const attempts[] = {
        "DELETE FROM keys",
        "UPDATE keys SET selector = 'x'",
        "UPDATE keys SET id = 'x'",
        "UPDATE keys SET spki_sha256 = 'y'",
        "DELETE FROM generations",
        "DELETE FROM transitions",
        "UPDATE transitions SET note = 'x'",
        "DELETE FROM intents",
        "UPDATE intents SET outcome = 'x'",
    };
    struct life_domain d;
    struct store_key k = {.number = 1, .algorithm = "ed25519", .spki_sha256 = "x", .record = "r"};
    int64_t intent;
    unsigned cut_off;
    char path[128];
    sqlite3 *db;
    make_state();
    struct store *s = open_store();
    fill(s, &d, 1);
    good(store_key_made(s, "a.nl", &k, &why));
    good(store_intend(s, 1, "a.nl", 1, "generate", "s1", &intent, &why));
    good(store_outcome(s, intent, 2, "done", &why));
    good(store_cut_off(s, 3, &cut_off, &why));
    ck_assert_uint_eq(cut_off, 0);
    good(store_intend(s, 4, "a.nl", 1, "destroy", "s1", &intent, &why));
    good(store_cut_off(s, 5, &cut_off, &why));
    ck_assert_uint_eq(cut_off, 1);
    store_close(s);
    path_of("zegel.db", path);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        ck_assert_msg(sqlite3_exec(db, attempts[i], NULL, NULL, NULL) != SQLITE_OK, "%s", attempts[i]);
    (void)sqlite3_close(db);
    remove_state();
}
END_TEST

START_TEST(test_the_clock)
{
    make_state();
    struct store *s = open_store();
    const struct store_transition t = {
        .time_s = 1000000, .domain = "a.nl", .act = "suspend", .from = "", .to = "", .who = "x", .note = ""};
    good(store_clock(s, 9000000, &why)); /* nothing was done then */
    good(store_clock(s, 1000000, &why));
    good(store_enter(s, &t, &why));
    good(store_clock(s, 999996, &why)); /* a little */
    ck_assert_int_eq(store_clock(s, 999000, &why), ZEGEL_ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "1000 s behind"));
    store_close(s);
    s = open_store();
    buf_clear(&why);
    ck_assert_int_eq(store_clock(s, 999000, &why), ZEGEL_ERR_REFUSED);
    buf_clear(&why);
    good(store_clock(s, 1000001, &why));
    store_close(s);
    remove_state();
}
END_TEST

START_TEST(test_one_at_a_time)
{
    make_state();
    ck_assert_int_eq(open_again(false), ZEGEL_ERR_NOT_FOUND);
    struct store *s = open_store();
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_BUSY);
    ck_assert_int_eq(open_again(false), ZEGEL_OK); /* who reads does not wait */
    store_close(s);
    ck_assert_int_eq(open_again(true), ZEGEL_OK);
    remove_state();
}
END_TEST

START_TEST(test_files_of_others)
{
    char path[128], other[128];
    make_state();
    store_close(open_store());
    path_of("zegel.db", path);
    path_of("other", other);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(link(path, other), 0);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("other", path), 0);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(open_again(false), ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rename(other, path), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(path, 1, 1), 0);
        ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
        ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "another user"));
        ck_assert_int_eq(chown(path, 0, 0), 0);
    }
    ck_assert_int_eq(chmod(state, 0777), 0);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(chmod(state, 0700), 0);
    ck_assert_int_eq(open_again(true), ZEGEL_OK);
    remove_state();
}
END_TEST

static void overwrite(const char *path, off_t at, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, text, len, at), (ssize_t)len);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(test_damage_is_noticed)
{
    static const char garbage[4096] = "garbage";
    struct life_domain d;
    char path[128];
    make_state();
    struct store *s = open_store();
    fill(s, &d, 1);
    store_close(s);
    path_of("zegel.db", path);
    overwrite(path, 4096, garbage, sizeof garbage);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    overwrite(path, 0, garbage, sizeof garbage);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    remove_state();
}
END_TEST

START_TEST(test_a_newer_one_is_left_alone)
{
    char path[128];
    sqlite3 *db;
    make_state();
    store_close(open_store());
    path_of("zegel.db", path);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    ck_assert_int_eq(open_again(true), ZEGEL_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "version 2"));
    remove_state();
}
END_TEST

UNIT_MAIN("rotate_store", test_what_is_kept, test_a_selector_is_never_used_again, test_nothing_is_rewritten, test_the_clock,
          test_one_at_a_time, test_files_of_others, test_damage_is_noticed, test_a_newer_one_is_left_alone)
