#include "lifecycle/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "lifecycle/store_sql.h"

enum { SCHEMA_VERSION = 1, BUSY_MS = 5000, LOCK_WITHIN_MS = 2000 };

static const char schema[] =
    "CREATE TABLE clock (last_s INTEGER NOT NULL);"
    "INSERT INTO clock VALUES (0);"
    "CREATE TABLE domains (domain TEXT PRIMARY KEY, signing INTEGER NOT NULL, activations INTEGER NOT NULL,"
    " last_number INTEGER NOT NULL, frozen INTEGER NOT NULL, suspended INTEGER NOT NULL, fault TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE generations (domain TEXT NOT NULL REFERENCES domains, number INTEGER NOT NULL, state TEXT NOT NULL,"
    " private_key TEXT NOT NULL, since_s INTEGER NOT NULL, seen_s INTEGER NOT NULL, activated_s INTEGER NOT NULL,"
    " retired_s INTEGER NOT NULL, ttl INTEGER NOT NULL, negative_ttl INTEGER NOT NULL, revoked_at INTEGER NOT NULL,"
    " approved INTEGER NOT NULL, closed INTEGER NOT NULL, permitted INTEGER NOT NULL DEFAULT 0, waits TEXT NOT NULL DEFAULT '', "
    "until_s INTEGER NOT NULL DEFAULT 0, "
    "PRIMARY KEY (domain, number));"
    "CREATE TABLE keys (domain TEXT NOT NULL, number INTEGER NOT NULL, algorithm TEXT NOT NULL, selector TEXT NOT NULL,"
    " id TEXT NOT NULL, spki_sha256 TEXT NOT NULL DEFAULT '', record TEXT NOT NULL DEFAULT '', permission INTEGER NOT NULL "
    "DEFAULT 0,"
    " PRIMARY KEY (domain, number, algorithm), UNIQUE (domain, selector), FOREIGN KEY (domain, number) REFERENCES generations);"
    "CREATE TABLE transitions (seq INTEGER PRIMARY KEY AUTOINCREMENT, time_s INTEGER NOT NULL, domain TEXT NOT NULL,"
    " number INTEGER NOT NULL, act TEXT NOT NULL, state_from TEXT NOT NULL, state_to TEXT NOT NULL, who TEXT NOT NULL,"
    " note TEXT NOT NULL);"
    "CREATE TABLE intents (seq INTEGER PRIMARY KEY AUTOINCREMENT, time_s INTEGER NOT NULL, domain TEXT NOT NULL,"
    " number INTEGER NOT NULL, act TEXT NOT NULL, what TEXT NOT NULL, outcome TEXT, outcome_s INTEGER);"
    "CREATE TRIGGER generations_stay BEFORE DELETE ON generations BEGIN SELECT RAISE(ABORT, 'generations are kept'); END;"
    "CREATE TRIGGER keys_stay BEFORE DELETE ON keys BEGIN SELECT RAISE(ABORT, 'selectors are kept for ever'); END;"
    "CREATE TRIGGER keys_are BEFORE UPDATE OF domain, number, algorithm, selector, id ON keys"
    " BEGIN SELECT RAISE(ABORT, 'a key stays what it is'); END;"
    "CREATE TRIGGER keys_once BEFORE UPDATE OF spki_sha256, record ON keys"
    " WHEN OLD.spki_sha256 <> '' AND (OLD.spki_sha256 <> NEW.spki_sha256 OR OLD.record <> NEW.record)"
    " BEGIN SELECT RAISE(ABORT, 'a key stays what it is'); END;"
    "CREATE TRIGGER transitions_stay BEFORE DELETE ON transitions BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;"
    "CREATE TRIGGER transitions_are BEFORE UPDATE ON transitions BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;"
    "CREATE TRIGGER intents_stay BEFORE DELETE ON intents BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;"
    "CREATE TRIGGER intents_are BEFORE UPDATE ON intents WHEN OLD.outcome IS NOT NULL"
    " BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;"
    "PRAGMA user_version = 1;";

/* ---- SQL ---- */

static int fault(struct store *s, struct buf *why)
{
    bool exists = sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE;
    buf_addf(why, "%s: %s", s->path, sqlite3_errmsg(s->db));
    return exists ? ZEGEL_ERR_EXISTS : ZEGEL_ERR_SYSTEM;
}

static int bind(struct store *s, sqlite3_stmt **out, struct buf *why, const char *sql, const char *types, va_list values)
{
    int rc = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);
    for (int i = 0; rc == SQLITE_OK && types[i] != '\0'; i++)
        rc = types[i] == 's' ? sqlite3_bind_text(*out, i + 1, va_arg(values, const char *), -1, SQLITE_TRANSIENT)
                             : sqlite3_bind_int64(*out, i + 1, va_arg(values, int64_t));
    if (rc == SQLITE_OK)
        return ZEGEL_OK;
    int err = fault(s, why);
    (void)sqlite3_finalize(*out);
    *out = NULL;
    return err;
}

int store_sql(struct store *s, sqlite3_stmt **out, struct buf *why, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int err = bind(s, out, why, sql, types, values);
    va_end(values);
    return err;
}

int store_do(struct store *s, struct buf *why, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt;
    va_list values;
    va_start(values, types);
    int err = bind(s, &stmt, why, sql, types, values);
    va_end(values);
    if (err == ZEGEL_OK && sqlite3_step(stmt) != SQLITE_DONE)
        err = fault(s, why);
    if (stmt != NULL)
        (void)sqlite3_finalize(stmt);
    return err;
}

bool store_row(struct store *s, sqlite3_stmt *stmt, int *err, struct buf *why)
{
    if (*err != ZEGEL_OK || stmt == NULL)
        return false;
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        *err = fault(s, why);
    return rc == SQLITE_ROW;
}

void store_text(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

int store_begin(struct store *s, struct buf *why)
{
    return store_do(s, why, "BEGIN IMMEDIATE", "");
}

int store_commit(struct store *s, struct buf *why)
{
    int err = store_do(s, why, "COMMIT", "");
    if (err != ZEGEL_OK)
        store_rollback(s);
    return err;
}

void store_rollback(struct store *s)
{
    struct buf ignored = BUF_INIT;
    if (sqlite3_get_autocommit(s->db) == 0)
        (void)store_do(s, &ignored, "ROLLBACK", "");
    buf_free(&ignored);
}

/* ---- files ---- */

/* Whoever can write here can have keys destroyed and others activated. */
static int check_ours(const char *path, bool directory, struct buf *why)
{
    struct stat st;
    const char *problem = NULL;
    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return ZEGEL_ERR_NOT_FOUND;
        problem = strerror(errno);
    } else if (directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
        problem = directory ? "is no directory" : "is no regular file";
    } else if (st.st_uid != geteuid()) {
        problem = "belongs to another user: run this as the user that zegeld runs as (sudo -u zegel)";
    } else if ((st.st_mode & (directory ? S_IWGRP | S_IWOTH : S_IRWXG | S_IRWXO)) != 0) {
        problem = "is open to others; chmod go-w, and look who was there";
    } else if (!directory && st.st_nlink != 1) {
        problem = "has another name as well";
    }
    if (problem == NULL)
        return ZEGEL_OK;
    buf_addf(why, "%s: %s", path, problem);
    return ZEGEL_ERR_SYSTEM;
}

static int check_files(const char *path, bool write, struct buf *why)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
    char name[PATH_MAX + 16];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        int err = check_ours(name, false, why);
        if (err == ZEGEL_ERR_NOT_FOUND && (i > 0 || write))
            err = ZEGEL_OK;
        if (err != ZEGEL_OK)
            return err;
    }
    return ZEGEL_OK;
}

static int take_lock(struct store *s, struct buf *why)
{
    char name[PATH_MAX + 16];
    int64_t deadline = clock_monotonic_ms() + LOCK_WITHIN_MS;
    (void)snprintf(name, sizeof name, "%s.lock", s->path);
    s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_left_ms(deadline) == 0) {
            buf_addf(why, "%s: another zegel rotate is at work; try again", name);
            return ZEGEL_ERR_BUSY;
        }
        (void)usleep(50000);
    }
    if (s->lock >= 0)
        return ZEGEL_OK;
    buf_addf(why, "%s: %s", name, strerror(errno));
    return ZEGEL_ERR_SYSTEM;
}

static int version(struct store *s, int64_t *out, struct buf *why)
{
    sqlite3_stmt *stmt;
    int err = store_sql(s, &stmt, why, "PRAGMA user_version", "");
    if (store_row(s, stmt, &err, why))
        *out = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return err;
}

static int run_script(struct store *s, const char *sql, struct buf *why)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ZEGEL_OK : fault(s, why);
}

static int make_schema(struct store *s, struct buf *why)
{
    int err = store_begin(s, why);
    if (err == ZEGEL_OK)
        err = run_script(s, schema, why);
    return err == ZEGEL_OK ? store_commit(s, why) : err;
}

static int check_whole(struct store *s, struct buf *why)
{
    sqlite3_stmt *stmt;
    char answer[200] = "";
    int err = store_sql(s, &stmt, why, "PRAGMA quick_check(1)", "");
    if (store_row(s, stmt, &err, why))
        store_text(stmt, 0, answer, sizeof answer);
    (void)sqlite3_finalize(stmt);
    if (err == ZEGEL_OK && strcmp(answer, "ok") != 0) {
        buf_addf(why, "%s: damaged: %s; nothing is done with it: restore it from a backup", s->path, answer);
        err = ZEGEL_ERR_SYSTEM;
    }
    return err;
}

static int open_database(struct store *s, bool write, struct buf *why)
{
    int64_t is = 0;
    mode_t old = umask(077);
    int rc =
        sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | (write ? SQLITE_OPEN_CREATE : 0), NULL);
    int err = rc == SQLITE_OK ? ZEGEL_OK : fault(s, why);
    if (err == ZEGEL_OK)
        (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    if (err == ZEGEL_OK)
        err = run_script(
            s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF",
            why);
    if (err == ZEGEL_OK)
        err = check_whole(s, why);
    if (err == ZEGEL_OK)
        err = version(s, &is, why);
    if (err == ZEGEL_OK && is == 0 && write)
        err = make_schema(s, why);
    else if (err == ZEGEL_OK && is != SCHEMA_VERSION) {
        buf_addf(why, "%s: is of version %lld, and this zegel knows %d", s->path, (long long)is, SCHEMA_VERSION);
        err = ZEGEL_ERR_SYSTEM;
    }
    (void)umask(old);
    return err;
}

int store_open(const char *state, bool write, struct store **out, struct buf *why)
{
    char real[PATH_MAX];
    struct store *s = calloc(1, sizeof *s);
    int err = s == NULL ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
    *out = NULL;
    if (err == ZEGEL_OK) {
        s->lock = -1;
        if (write)
            (void)mkdir(state, 0700); /* if it cannot be made, what follows says so */
        if (realpath(state, real) == NULL) {
            buf_addf(why, "%s: %s", state, strerror(errno));
            err = errno == ENOENT ? ZEGEL_ERR_NOT_FOUND : ZEGEL_ERR_SYSTEM;
        }
    }
    if (err == ZEGEL_OK)
        err = check_ours(real, true, why);
    if (err == ZEGEL_OK && asprintf(&s->path, "%s/zegel.db", real) < 0)
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK)
        err = check_files(s->path, write, why);
    if (err == ZEGEL_OK && write)
        err = take_lock(s, why);
    if (err == ZEGEL_OK)
        err = open_database(s, write, why);
    if (err == ZEGEL_OK)
        *out = s;
    else
        store_close(s);
    return err;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->db != NULL)
        (void)sqlite3_close(s->db);
    if (s->lock >= 0)
        (void)close(s->lock);
    free(s->path);
    free(s);
}
