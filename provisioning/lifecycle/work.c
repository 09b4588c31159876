#include "lifecycle/work.h"

#include <stdio.h>

#include "base/err.h"
#include "lifecycle/made.h"
#include "lifecycle/nodes.h"

enum { FAULT_MAX = 360 }; /* octets of all faults; store_fault_get has room for them */

void work_clear(struct work *w)
{
    for (unsigned i = 0; i < LIFE_GENERATIONS_MAX; i++) {
        for (unsigned k = 0; k < STORE_KEYS_MAX; k++)
            look_clear(&w->parts[i].looks[k]);
        buf_free(&w->parts[i].todo);
        buf_free(&w->parts[i].differs);
        w->parts[i] = (struct work_part){0};
    }
}

int work_load(struct work *w, struct buf *why)
{
    unsigned sent[LIFE_GENERATIONS_MAX], sent_count = 0;
    for (unsigned i = 0; i < w->life.count; i++)
        if (w->parts[i].sent)
            sent[sent_count++] = w->life.generations[i].number;
    work_clear(w);
    int err = store_load(w->round->store, w->domain->domain, &w->life, why);
    for (unsigned i = 0; i < w->life.count && err == ZEGEL_OK; i++) {
        unsigned number = w->life.generations[i].number;
        err = store_keys(w->round->store, w->domain->domain, number, w->parts[i].keys, &w->parts[i].count, why);
        w->parts[i].permitted = true;
        if (err == ZEGEL_OK && w->domain->rotates->trust != NULL)
            err = store_permitted(w->round->store, w->domain->domain, number, &w->parts[i].permitted, why);
        for (unsigned n = 0; n < sent_count; n++)
            w->parts[i].sent = w->parts[i].sent || sent[n] == number;
    }
    return err;
}

void work_fault(struct work *w, const char *line)
{
    size_t len = strlen(line), room = w->fault.len < FAULT_MAX ? FAULT_MAX - w->fault.len : 0;
    if (strstr(buf_cstr(&w->fault), line) != NULL || (room < len && w->fault.len > 0))
        return; /* the first is named, however long it is */
    buf_addf(&w->fault, "%s%.*s%s", w->fault.len == 0 ? "" : "; ", (int)(len < room ? len : room), line, len > room ? "..." : "");
}

/* ---- DNS ---- */

/* RFC 6376 §3.6.1: an empty p= says that the key has been revoked. */
static const char *record(enum life_record r, const struct store_key *k, char room[STORE_RECORD_MAX])
{
    if (r == LIFE_RECORD_NONE || k->record[0] == '\0')
        return NULL;
    (void)snprintf(room, STORE_RECORD_MAX, "%s", k->record);
    char *p = strstr(room, "; p=");
    if (r == LIFE_RECORD_EMPTY && p != NULL)
        p[4] = '\0';
    return room;
}

void work_record(const struct work *w, unsigned index, unsigned key, struct work_record *out)
{
    const struct life_generation *g = &w->life.generations[index];
    const struct store_key *k = &w->parts[index].keys[key];
    out->wanted = record(life_wanted(&w->life, g), k, out->wanted_room);
    out->before = record(life_before(&w->life, g), k, out->before_room);
}

static int ask(struct work *w, const struct store_key *k, struct look *l)
{
    struct buf name = BUF_INIT;
    round_name(w->domain->domain, k, &name);
    int err = name.failed ? ZEGEL_ERR_NOMEM : look_ask(w->round->observe, buf_cstr(&name), l);
    buf_free(&name);
    return err;
}

int work_is_new(struct work *w, const struct store_key *k, struct buf *why)
{
    struct look l = {0};
    struct look_wish none = {.insecure_allowed = w->domain->rotates->insecure_allowed == CONFIG_YES};
    int err = ask(w, k, &l);
    enum life_seen seen = err == ZEGEL_OK ? look_judge(&l, &none, why) : LIFE_UNSEEN;
    look_clear(&l);
    if (err != ZEGEL_OK)
        return err;
    return seen == LIFE_WANTED ? ZEGEL_OK : seen == LIFE_FOREIGN ? ZEGEL_ERR_EXISTS : ZEGEL_ERR_SYSTEM;
}

static bool validated(const struct work *w, const struct look *l)
{
    return l->asked && l->validated.error == NULL &&
           (l->validated.security == OBSERVE_SECURE || w->domain->rotates->insecure_allowed == CONFIG_YES);
}

/* Both records of a generation. *vouched: a validated answer came, so that the clock is within the time of its signatures. */
static int see_records(struct work *w, unsigned i, bool *vouched)
{
    struct work_part *p = &w->parts[i];
    struct life_view *v = &w->world.views[i];
    int err = ZEGEL_OK;
    buf_clear(&p->differs);
    v->seen = p->count == 0 ? LIFE_UNSEEN : LIFE_WANTED;
    for (unsigned k = 0; k < p->count && err == ZEGEL_OK; k++) {
        struct work_record r;
        err = ask(w, &p->keys[k], &p->looks[k]);
        if (err != ZEGEL_OK)
            break;
        work_record(w, i, k, &r);
        const struct look_wish wish = {
            .wanted = r.wanted, .before = r.before, .insecure_allowed = w->domain->rotates->insecure_allowed == CONFIG_YES};
        enum life_seen seen = look_judge(&p->looks[k], &wish, &p->differs);
        v->seen = look_both(v->seen, seen);
        const struct observe_answer *a = &p->looks[k].validated;
        if (a->error == NULL && a->count > 0 && a->ttl > v->ttl)
            v->ttl = a->ttl;
        if (a->error == NULL && a->count == 0 && a->ttl > w->life.generations[i].negative_ttl)
            w->life.generations[i].negative_ttl = a->ttl; /* kept by the step that has the record sent */
        *vouched = *vouched || validated(w, &p->looks[k]);
    }
    if (err == ZEGEL_OK && (v->seen == LIFE_UNSEEN || v->seen == LIFE_FOREIGN) && p->differs.len > 0)
        work_fault(w, buf_cstr(&p->differs));
    v->sent = p->sent;
    return err;
}

/* ---- the token ---- */

static bool has_private_key(const struct life_generation *g)
{
    return g->private_key == LIFE_LIVE || g->private_key == LIFE_DISABLED || g->state == LIFE_PLANNED;
}

static void see_token(struct work *w, unsigned i)
{
    struct work_part *p = &w->parts[i];
    struct buf why = BUF_INIT;
    if (p->token_asked || !has_private_key(&w->life.generations[i]))
        return;
    p->token_asked = true;
    p->token = LIFE_TOKEN_UNKNOWN;
    struct token *t = w->round->token(w->round->arg, w->domain->rotates->token_index, &why);
    if (t != NULL) {
        p->token = LIFE_TOKEN_HAS;
        for (unsigned k = 0; k < p->count && p->token != LIFE_TOKEN_UNKNOWN; k++) {
            enum life_token one = made_look(t, w->domain->domain, &p->keys[k], &why);
            p->token = one == LIFE_TOKEN_HAS ? p->token : one;
        }
    }
    /* One that is not made yet cannot be missed. */
    if (w->life.generations[i].state == LIFE_PLANNED && t != NULL)
        p->token = LIFE_TOKEN_MISSING;
    else if (why.len > 0 && w->life.generations[i].private_key == LIFE_LIVE)
        work_fault(w, buf_cstr(&why));
    buf_free(&why);
}

/* ---- the daemon ---- */

static void see_daemon(struct work *w)
{
    w->world.taken_s = 0;
    w->lags = NULL;
    for (unsigned i = 0; i < w->life.count; i++) {
        const struct life_generation *g = &w->life.generations[i];
        struct buf why = BUF_INIT;
        if (g->number == w->life.signing) {
            int64_t taken = nodes_taken(w->round->nodes, w->domain->domain, w->parts[i].keys, w->parts[i].count, &w->lags);
            w->world.taken_s = taken != 0 && taken < g->activated_s ? g->activated_s : taken;
        } else if (g->state == LIFE_ACTIVE) {
            w->world.views[i].signed_s = nodes_signed(w->round->config, w->domain->domain, w->parts[i].keys, w->parts[i].count,
                                                      w->now_s - w->policy.unused, w->now_s, &why);
        }
        if (why.len > 0)
            work_fault(w, buf_cstr(&why));
        buf_free(&why);
    }
}

/* Time alone destroys nothing: the clock may have leapt. */
static void distrust_clock(struct work *w)
{
    for (unsigned i = 0; i < w->life.count; i++)
        if (w->life.generations[i].state >= LIFE_RETIRED && w->life.generations[i].state <= LIFE_TOMBSTONE)
            w->world.views[i].token = LIFE_TOKEN_UNKNOWN;
}

/* One that may not sign yet is, to the rules, one that its token does not answer for. */
static void forbid(struct work *w, unsigned i)
{
    static const char text[] = "a ceremony that permits it to sign (zegel rotate approve activate)";
    enum life_state s = w->life.generations[i].state;
    if ((s != LIFE_STANDBY && s != LIFE_VISIBLE) || w->world.views[i].token != LIFE_TOKEN_HAS)
        return;
    w->world.views[i].token = LIFE_TOKEN_UNKNOWN;
    if (s == LIFE_STANDBY && w->parts[i].todo.len == 0)
        buf_add_str(&w->parts[i].todo, text);
}

int work_see(struct work *w, struct buf *why)
{
    bool vouched = false;
    int err = ZEGEL_OK;
    (void)why;
    w->world = (struct life_world){.now_s = w->now_s};
    for (unsigned i = 0; i < w->life.count && err == ZEGEL_OK; i++) {
        see_token(w, i);
        w->world.views[i].token = w->parts[i].token;
        if (!w->parts[i].permitted)
            forbid(w, i);
        if (w->life.generations[i].state >= LIFE_PUBLISHING)
            err = see_records(w, i, &vouched);
    }
    see_daemon(w);
    if (!vouched)
        distrust_clock(w);
    return err;
}
