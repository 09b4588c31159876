#include <string.h>

#include "base/err.h"
#include "lifecycle/store_sql.h"

/* A clock that is set by the network may step back a little. */
enum { CLOCK_SLACK_S = 5 };

int store_clock(struct store *s, int64_t now_s, struct buf *why)
{
    sqlite3_stmt *stmt;
    int64_t last = 0;
    int err = store_sql(s, &stmt, why, "SELECT last_s FROM clock", "");
    if (store_row(s, stmt, &err, why))
        last = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    if (err == ZEGEL_OK && now_s + CLOCK_SLACK_S < last) {
        buf_addf(why, "the clock is %lld s behind what was written last; nothing is done until it is right",
                 (long long)(last - now_s));
        return ZEGEL_ERR_REFUSED;
    }
    return err;
}

/* Only with what was done: a clock that leapt ahead, so that no answer validates and nothing is done, may be set right again. */
static int note_clock(struct store *s, int64_t now_s, struct buf *why)
{
    return store_do(s, why, "UPDATE clock SET last_s = ? WHERE last_s < ?", "ii", now_s, now_s);
}

/* ---- domains and generations ---- */

static int private_from(const char *name)
{
    for (int p = LIFE_ABSENT; p <= LIFE_DESTROYED; p++)
        if (strcmp(life_private_name((enum life_private)p), name) == 0)
            return p;
    return -1;
}

static bool read_generation(sqlite3_stmt *row, struct life_generation *g)
{
    char state[24], private_key[12];
    store_text(row, 1, state, sizeof state);
    store_text(row, 2, private_key, sizeof private_key);
    int is = life_state_from(state), key = private_from(private_key);
    *g = (struct life_generation){
        .number = (unsigned)sqlite3_column_int(row, 0),
        .state = (enum life_state)is,
        .private_key = (enum life_private)key,
        .since_s = sqlite3_column_int64(row, 3),
        .seen_s = sqlite3_column_int64(row, 4),
        .activated_s = sqlite3_column_int64(row, 5),
        .retired_s = sqlite3_column_int64(row, 6),
        .ttl = (uint32_t)sqlite3_column_int64(row, 7),
        .negative_ttl = (uint32_t)sqlite3_column_int64(row, 8),
        .revoked_at = (unsigned)sqlite3_column_int(row, 9),
        .approved = sqlite3_column_int(row, 10) != 0,
        .closed = sqlite3_column_int(row, 11) != 0,
    };
    return is >= 0 && key >= 0;
}

static int load_generations(struct store *s, const char *domain, struct life_domain *out, struct buf *why)
{
    sqlite3_stmt *row;
    int err =
        store_sql(s, &row, why,
                  "SELECT number, state, private_key, since_s, seen_s, activated_s, retired_s, ttl, negative_ttl, revoked_at,"
                  " approved, closed FROM generations WHERE domain = ? AND closed = 0 ORDER BY number",
                  "s", domain);
    while (store_row(s, row, &err, why)) {
        if (out->count == LIFE_GENERATIONS_MAX || !read_generation(row, &out->generations[out->count])) {
            buf_addf(why, "%s: %s: generations that this zegel does not understand", s->path, domain);
            err = ZEGEL_ERR_FORMAT;
            break;
        }
        out->count++;
    }
    (void)sqlite3_finalize(row);
    return err;
}

int store_load(struct store *s, const char *domain, struct life_domain *out, struct buf *why)
{
    sqlite3_stmt *row;
    *out = (struct life_domain){0};
    int err = store_sql(s, &row, why, "SELECT signing, activations, last_number, frozen, suspended FROM domains WHERE domain = ?",
                        "s", domain);
    if (store_row(s, row, &err, why)) {
        out->signing = (unsigned)sqlite3_column_int(row, 0);
        out->activations = (unsigned)sqlite3_column_int(row, 1);
        out->last_number = (unsigned)sqlite3_column_int(row, 2);
        out->frozen = sqlite3_column_int(row, 3) != 0;
        out->suspended = sqlite3_column_int(row, 4) != 0;
    }
    (void)sqlite3_finalize(row);
    return err == ZEGEL_OK ? load_generations(s, domain, out, why) : err;
}

static int save_generation(struct store *s, const char *domain, const struct life_generation *g, struct buf *why)
{
    return store_do(
        s, why,
        "INSERT INTO generations (domain, number, state, private_key, since_s, seen_s, activated_s, retired_s, ttl, negative_ttl,"
        " revoked_at, approved, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " state = excluded.state, private_key = excluded.private_key, since_s = excluded.since_s, seen_s = excluded.seen_s,"
        " activated_s = excluded.activated_s, retired_s = excluded.retired_s, ttl = excluded.ttl,"
        " negative_ttl = excluded.negative_ttl, revoked_at = excluded.revoked_at, approved = excluded.approved,"
        " closed = excluded.closed",
        "sissiiiiiiiii", domain, (int64_t)g->number, life_state_name(g->state), life_private_name(g->private_key), g->since_s,
        g->seen_s, g->activated_s, g->retired_s, (int64_t)g->ttl, (int64_t)g->negative_ttl, (int64_t)g->revoked_at,
        (int64_t)g->approved, (int64_t)g->closed);
}

int store_save(struct store *s, const char *domain, const struct life_domain *d, struct buf *why)
{
    int err =
        store_do(s, why,
                 "INSERT INTO domains (domain, signing, activations, last_number, frozen, suspended) VALUES (?, ?, ?, ?, ?, ?)"
                 " ON CONFLICT DO UPDATE SET signing = excluded.signing, activations = excluded.activations,"
                 " last_number = excluded.last_number, frozen = excluded.frozen, suspended = excluded.suspended",
                 "siiiii", domain, (int64_t)d->signing, (int64_t)d->activations, (int64_t)d->last_number, (int64_t)d->frozen,
                 (int64_t)d->suspended);
    for (unsigned i = 0; i < d->count && err == ZEGEL_OK; i++)
        err = save_generation(s, domain, &d->generations[i], why);
    return err;
}

int store_enter(struct store *s, const struct store_transition *t, struct buf *why)
{
    int err = store_do(s, why,
                       "INSERT INTO transitions (time_s, domain, number, act, state_from, state_to, who, note)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                       "isisssss", t->time_s, t->domain, (int64_t)t->number, t->act, t->from, t->to, t->who, t->note);
    return err == ZEGEL_OK ? note_clock(s, t->time_s, why) : err;
}

int store_fault_set(struct store *s, const char *domain, const char *text, struct buf *why)
{
    return store_do(s, why, "UPDATE domains SET fault = ? WHERE domain = ? AND fault <> ?", "sss", text, domain, text);
}

int store_fault_get(struct store *s, const char *domain, struct buf *text, struct buf *why)
{
    sqlite3_stmt *row;
    char fault[400] = "";
    int err = store_sql(s, &row, why, "SELECT fault FROM domains WHERE domain = ?", "s", domain);
    if (store_row(s, row, &err, why))
        store_text(row, 0, fault, sizeof fault);
    (void)sqlite3_finalize(row);
    buf_add_str(text, fault);
    return err;
}

int store_waits_set(struct store *s, const char *domain, unsigned number, const char *text, int64_t until_s, struct buf *why)
{
    return store_do(
        s, why, "UPDATE generations SET waits = ?, until_s = ? WHERE domain = ? AND number = ? AND (waits <> ? OR until_s <> ?)",
        "sisisi", text, until_s, domain, (int64_t)number, text, until_s);
}

int store_waits_get(struct store *s, const char *domain, unsigned number, struct buf *text, int64_t *until_s, struct buf *why)
{
    sqlite3_stmt *row;
    char waits[4 * STORE_RECORD_MAX] = ""; /* the records of a generation, for people to publish */
    *until_s = 0;
    int err = store_sql(s, &row, why, "SELECT waits, until_s FROM generations WHERE domain = ? AND number = ?", "si", domain,
                        (int64_t)number);
    if (store_row(s, row, &err, why)) {
        store_text(row, 0, waits, sizeof waits);
        *until_s = sqlite3_column_int64(row, 1);
    }
    (void)sqlite3_finalize(row);
    buf_add_str(text, waits);
    return err;
}

/* ---- keys ---- */

int store_keys(struct store *s, const char *domain, unsigned number, struct store_key out[STORE_KEYS_MAX], unsigned *count,
               struct buf *why)
{
    sqlite3_stmt *row;
    *count = 0;
    int err = store_sql(s, &row, why,
                        "SELECT algorithm, selector, id, spki_sha256, record FROM keys WHERE domain = ? AND number = ?"
                        " ORDER BY algorithm DESC",
                        "si", domain, (int64_t)number);
    while (*count < STORE_KEYS_MAX && store_row(s, row, &err, why)) {
        struct store_key *k = &out[(*count)++];
        k->number = number;
        store_text(row, 0, k->algorithm, sizeof k->algorithm);
        store_text(row, 1, k->selector, sizeof k->selector);
        store_text(row, 2, k->id, sizeof k->id);
        store_text(row, 3, k->spki_sha256, sizeof k->spki_sha256);
        store_text(row, 4, k->record, sizeof k->record);
    }
    (void)sqlite3_finalize(row);
    return err;
}

int store_key_add(struct store *s, const char *domain, const struct store_key *k, struct buf *why)
{
    return store_do(
        s, why, "INSERT INTO keys (domain, number, algorithm, selector, id, spki_sha256, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
        "sisssss", domain, (int64_t)k->number, k->algorithm, k->selector, k->id, k->spki_sha256, k->record);
}

int store_key_made(struct store *s, const char *domain, const struct store_key *k, struct buf *why)
{
    return store_do(s, why, "UPDATE keys SET spki_sha256 = ?, record = ? WHERE domain = ? AND number = ? AND algorithm = ?",
                    "sssis", k->spki_sha256, k->record, domain, (int64_t)k->number, k->algorithm);
}

int store_find_selector(struct store *s, const char *domain, const char *selector, unsigned *number, struct buf *why)
{
    sqlite3_stmt *row;
    *number = 0;
    int err = store_sql(s, &row, why, "SELECT number FROM keys WHERE domain = ? AND selector = ?", "ss", domain, selector);
    if (store_row(s, row, &err, why))
        *number = (unsigned)sqlite3_column_int(row, 0);
    (void)sqlite3_finalize(row);
    return err;
}

int store_permission(struct store *s, const char *domain, const char *selector, unsigned serial, struct buf *why)
{
    int err = store_do(s, why, "UPDATE keys SET permission = ? WHERE domain = ? AND selector = ? AND permission < ?", "issi",
                       (int64_t)serial, domain, selector, (int64_t)serial);
    if (err == ZEGEL_OK && sqlite3_changes(s->db) == 0) {
        buf_addf(why, "%s/%s: the permission of ceremony %u has been used already", domain, selector, serial);
        err = ZEGEL_ERR_REFUSED;
    }
    return err;
}

int store_permit(struct store *s, const char *domain, unsigned number, struct buf *why)
{
    return store_do(s, why, "UPDATE generations SET permitted = 1 WHERE domain = ? AND number = ?", "si", domain,
                    (int64_t)number);
}

int store_permitted(struct store *s, const char *domain, unsigned number, bool *out, struct buf *why)
{
    sqlite3_stmt *row;
    *out = false;
    int err = store_sql(s, &row, why, "SELECT permitted FROM generations WHERE domain = ? AND number = ?", "si", domain,
                        (int64_t)number);
    if (store_row(s, row, &err, why))
        *out = sqlite3_column_int(row, 0) != 0;
    (void)sqlite3_finalize(row);
    return err;
}

/* ---- the journal of acts ---- */

int store_intend(struct store *s, int64_t now_s, const char *domain, unsigned number, const char *act, const char *what,
                 int64_t *intent, struct buf *why)
{
    int err = store_do(s, why, "INSERT INTO intents (time_s, domain, number, act, what) VALUES (?, ?, ?, ?, ?)", "isiss", now_s,
                       domain, (int64_t)number, act, what);
    *intent = sqlite3_last_insert_rowid(s->db);
    return err == ZEGEL_OK ? note_clock(s, now_s, why) : err;
}

int store_outcome(struct store *s, int64_t intent, int64_t now_s, const char *outcome, struct buf *why)
{
    return store_do(s, why, "UPDATE intents SET outcome = ?, outcome_s = ? WHERE seq = ?", "sii", outcome, now_s, intent);
}

int store_cut_off(struct store *s, int64_t now_s, unsigned *count, struct buf *why)
{
    int err = store_do(s, why, "UPDATE intents SET outcome = 'cut off', outcome_s = ? WHERE outcome IS NULL", "i", now_s);
    *count = err == ZEGEL_OK ? (unsigned)sqlite3_changes(s->db) : 0;
    return err;
}

/* ---- for others ---- */

int store_life(struct store *s, const char *domain, const char *selector, struct store_life *out, struct buf *why)
{
    sqlite3_stmt *row;
    char state[24];
    bool found = false;
    int err =
        store_sql(s, &row, why,
                  "SELECT g.state, g.seen_s, g.activated_s, g.retired_s,"
                  " (SELECT min(t.time_s) FROM transitions t WHERE t.domain = k.domain AND t.number = k.number AND t.state_to ="
                  " 'generated'), (SELECT min(t.time_s) FROM transitions t WHERE t.domain = k.domain AND t.number = k.number AND"
                  " t.state_to IN ('revoked', 'compromised')) FROM keys k JOIN generations g USING (domain, number)"
                  " WHERE k.domain = ? AND k.selector = ?",
                  "ss", domain, selector);
    if (store_row(s, row, &err, why)) {
        store_text(row, 0, state, sizeof state);
        int is = life_state_from(state);
        found = is >= 0;
        *out = (struct store_life){.state = (enum life_state)is,
                                   .seen_s = sqlite3_column_int64(row, 1),
                                   .activated_s = sqlite3_column_int64(row, 2),
                                   .retired_s = sqlite3_column_int64(row, 3),
                                   .made_s = sqlite3_column_int64(row, 4),
                                   .revoked_s = sqlite3_column_int64(row, 5)};
    }
    (void)sqlite3_finalize(row);
    return err == ZEGEL_OK && !found ? ZEGEL_ERR_NOT_FOUND : err;
}
