#include "base/err.h"
#include "ceremony/backup_check.h"
#include "ceremony/evidence.h"
#include "ceremony/exchange.h"
#include "ceremony/standing.h"
#include "ceremony/steps.h"
#include "ceremony/verify_parts.h"

static bool same_item(const json_t *a, const json_t *b)
{
    return strcmp(verify_text(a, "label"), verify_text(b, "label")) == 0 &&
           strcmp(verify_text(a, "id"), verify_text(b, "id")) == 0 &&
           strcmp(verify_text(a, "spki_sha256"), verify_text(b, "spki_sha256")) == 0;
}

static size_t count_in(const json_t *items, const json_t *item)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(items); i++)
        n += same_item(json_array_get(items, i), item);
    return n;
}

/* `more` = `less` and the planned keys, nothing else. */
static bool differ_by(const json_t *less, const json_t *more, const json_t *keys)
{
    bool ok = json_array_size(less) + json_array_size(keys) == json_array_size(more);
    for (size_t i = 0; i < json_array_size(less); i++)
        ok = ok && count_in(more, json_array_get(less, i)) == 1;
    for (size_t i = 0; i < json_array_size(keys); i++)
        ok = ok && count_in(more, json_array_get(keys, i)) == 1 && count_in(less, json_array_get(keys, i)) == 0;
    return ok;
}

static int check_destroyed(const struct plan_key *k, const json_t *e, struct buf *why)
{
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    bool ok = json_object_size(e) == 4 && strcmp(verify_text(e, "label"), buf_cstr(&label)) == 0 &&
              strcmp(verify_text(e, "spki_sha256"), k->spki_sha256) == 0 && json_is_true(json_object_get(e, "absent"));
    if (!ok)
        buf_addf(why, "key %s: its destruction is not shown", buf_cstr(&label));
    buf_free(&label);
    return ok ? ZEGEL_OK : ZEGEL_ERR_FORMAT;
}

/* Of an activation or retirement: that it was permitted then, and what it made of the key. */
static int check_permitted(const struct verify *v, const json_t *e, const json_t *standings, struct buf *why)
{
    const char *label = verify_text(e, "label"), *from = standing_of(standings, label, verify_text(e, "spki_sha256"));
    const char *to = standing_after(v->t.plan->action), *forbids = standing_forbids(v->t.plan->action, from);
    if (forbids == NULL && strcmp(verify_text(e, "from"), from) == 0 && strcmp(verify_text(e, "to"), to) == 0)
        return ZEGEL_OK;
    buf_addf(why, "key %s: %s", label, forbids != NULL ? forbids : "its standing before and after is not as the inventory says");
    return ZEGEL_ERR_FORMAT;
}

static int check_key(const struct verify *v, const struct plan_key *k, const json_t *e, const json_t *standings, struct buf *why)
{
    const struct plan *p = v->t.plan;
    if (p->action == PLAN_DESTROY)
        return check_destroyed(k, e, why);
    int err = evidence_check(p, v->t.plan_hash, k, e, why);
    if (err == ZEGEL_OK && p->action != PLAN_GENERATE)
        return check_permitted(v, e, standings, why);
    if (err == ZEGEL_OK && (json_object_get(e, "from") != NULL || json_object_get(e, "to") != NULL))
        return verify_no(why, "a key that was just made has a standing");
    return err;
}

static void report_key(struct verify *v, const json_t *e)
{
    const char *label = verify_text(e, "label"), *print = verify_text(e, "spki_sha256");
    if (v->t.plan->action == PLAN_DESTROY) {
        buf_addf(v->report,
                 "claimed   %s (%.16s...) is no longer on the token: its look-up fails and both inventories differ by it\n",
                 label, print);
        return;
    }
    buf_addf(v->report, "proved    %s: whoever ran this held its private key; SHA-256 %s\n", label, print);
    buf_addf(v->report, "claimed   %s: made on the token, sensitive, %s (the module says so)\n", label,
             v->t.plan->backup.rule == PLAN_BACKUP_WRAP ? "extractable until its backup was tried, can only sign"
             : v->t.plan->backup.rule == PLAN_BACKUP_DKEK
                 ? "extractable under the DKEK only, can only sign, with recovery or without"
                 : "never extractable, can only sign");
    if (v->t.plan->action != PLAN_GENERATE)
        buf_addf(v->report, "proved    %s: the custodians permit that it is %s; it was %s\n", label, verify_text(e, "to"),
                 verify_text(e, "from"));
}

/* The standings after: those before, with what this ceremony made of its keys. */
static bool standings_fit(const struct verify *v, const json_t *before, const json_t *after, const json_t *keys)
{
    const char *to = standing_after(v->t.plan->action);
    json_t *want = json_array();
    size_t there = 0, changed = 0;
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_t *b = json_array_get(before, i);
        bool ours = false;
        for (size_t n = 0; to != NULL && n < json_array_size(keys); n++)
            ours = ours || strcmp(verify_text(b, "label"), verify_text(json_array_get(keys, n), "label")) == 0;
        if (!ours)
            (void)json_array_append(want, (json_t *)(uintptr_t)b);
    }
    for (size_t n = 0; to != NULL && n < json_array_size(keys); n++) {
        const json_t *k = json_array_get(keys, n);
        (void)json_array_append_new(want, json_pack("{s:s, s:I, s:s, s:s}", "label", verify_text(k, "label"), "serial",
                                                    (json_int_t)v->t.plan->serial, "spki_sha256", verify_text(k, "spki_sha256"),
                                                    "standing", to));
        changed++;
    }
    for (size_t i = 0; i < json_array_size(want); i++)
        for (size_t n = 0; n < json_array_size(after); n++)
            there += json_equal(json_array_get(want, i), json_array_get(after, n)) == 1;
    bool fit = there == json_array_size(want) && there == json_array_size(after) && (to == NULL || changed > 0);
    json_decref(want);
    return fit;
}

static int check_inventories(const struct verify *v, const json_t *before, const json_t *after, const json_t *keys,
                             struct buf *why)
{
    const json_t *had = json_object_get(before, "keys"), *has = json_object_get(after, "keys");
    enum plan_action a = v->t.plan->action;
    json_t *none = json_array();
    bool fit = json_object_size(before) == 2 && json_object_size(after) == 2 &&
               (a == PLAN_GENERATE  ? differ_by(had, has, keys)
                : a == PLAN_DESTROY ? differ_by(has, had, keys)
                                    : differ_by(had, has, none) && differ_by(has, had, none));
    json_decref(none);
    if (!fit)
        return verify_no(why, "the inventories before and after do not differ by exactly the planned keys");
    if (!standings_fit(v, json_object_get(before, "standings"), json_object_get(after, "standings"), keys))
        return verify_no(why, "what keys may do, before and after, does not differ by exactly what was planned");
    return ZEGEL_OK;
}

static int check_response(struct verify *v, json_t *keys, struct buf *why)
{
    json_t *want = json_pack("{s:s, s:s, s:s, s:O}", "format", RESPONSE_FORMAT, "action", plan_action_name(v->t.plan->action),
                             "plan_sha256", v->t.plan_hash, "keys", keys);
    struct buf text = BUF_INIT;
    int err = snapshot_get(&v->t.files, RESPONSE_FILE, &v->response, why);
    if (err == ZEGEL_OK && (!canon_json(want, &text) || !bytes_eq(buf_bytes(&text), v->response)))
        err = verify_no(why, RESPONSE_FILE ": is not what the journal says was done");
    json_decref(want);
    buf_free(&text);
    return err;
}

static int check_backup(struct verify *v, const struct plan_key *k, const json_t *made, struct buf *why)
{
    const struct plan *p = v->t.plan;
    struct buf step = BUF_INIT;
    steps_backup_name(k, &step);
    const json_t *e = verify_done(v, buf_cstr(&step));
    int err = e == NULL && v->abandoned ? ZEGEL_OK : backup_check(p, v->t.plan_hash, k, &v->t.files, made, e, why);
    const char *label = verify_text(made, "label"), *second = p->backup.token->label;
    if (e == NULL)
        buf_addf(v->report, "attested  %s: its backup was not finished\n", label);
    else if (p->action == PLAN_DESTROY)
        buf_addf(v->report, "claimed   %s: nothing of it is left on the backup token %s\n", label, second);
    else
        buf_addf(v->report,
                 "proved    %s: restored from its backup, it signed, and the original public key says so\n"
                 "claimed   %s: that was on the backup token %s, where it %s; %s\n",
                 label, label, second, p->backup.restored == PLAN_RESTORED_KEEP ? "stays" : "was removed again",
                 p->backup.rule == PLAN_BACKUP_DKEK
                     ? "both cards said the DKEK check value of the plan, and any card with that DKEK can get the key"
                     : "the original can no longer leave its token");
    if (e != NULL && p->action == PLAN_GENERATE && p->backup.rule == PLAN_BACKUP_WRAP)
        buf_addf(v->report, "attested  %s: zegel.yaml may say so: wrapped-backup: %s\n", label, verify_text(made, "spki_sha256"));
    buf_free(&step);
    return err;
}

int verify_keys(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    const json_t *before = verify_done(v, "inventory before"), *after = verify_done(v, "inventory after");
    struct buf step = BUF_INIT;
    json_t *keys = json_array();
    int err = ZEGEL_OK;
    for (unsigned i = 0; i < p->keys_count && err == ZEGEL_OK; i++) {
        steps_key_name(&p->keys[i], &step);
        const json_t *e = verify_done(v, buf_cstr(&step));
        if (e == NULL && v->abandoned)
            continue;
        err = check_key(v, &p->keys[i], e, json_object_get(before, "standings"), why);
        for (size_t n = 0; err == ZEGEL_OK && n < json_array_size(keys); n++)
            if (strcmp(verify_text(json_array_get(keys, n), "spki_sha256"), verify_text(e, "spki_sha256")) == 0)
                err = verify_no(why, "two keys of the ceremony are the same key");
        (void)json_array_append(keys, (json_t *)(uintptr_t)e);
        report_key(v, e);
        if (err == ZEGEL_OK && steps_have_backup(p))
            err = check_backup(v, &p->keys[i], e, why);
    }
    if (err == ZEGEL_OK && (!v->abandoned || after != NULL))
        err = check_inventories(v, before, after, keys, why);
    if (err == ZEGEL_OK && (!v->abandoned || snapshot_find(&v->t.files, RESPONSE_FILE) != NULL))
        err = check_response(v, keys, why);
    if (v->abandoned)
        buf_addf(v->report, "attested  the ceremony was abandoned; %zu of %u keys were dealt with; it permits nothing\n",
                 json_array_size(keys), p->keys_count);
    json_decref(keys);
    buf_free(&step);
    return err;
}

int verify_published(struct verify *v, struct buf *why)
{
    bool there;
    int err = transcript_published(&v->t, v->response, &there, why);
    buf_addf(v->report,
             there ? "attested  the DNS operator %s signed that what response.json says is published\n"
                   : "unchecked the DNS operator %s has not signed that anything is published\n",
             v->t.plan->dns_operator.name);
    return err;
}
