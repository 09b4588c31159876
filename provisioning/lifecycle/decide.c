#include "lifecycle/decide.h"

#include <stdio.h>

#include "base/err.h"
#include "ceremony/authority.h"
#include "dkim/domain.h"
#include "lifecycle/made.h"

static const char *const names[] = {"compromise",       "abort",   "approve backup", "approve destroy",
                                    "approve activate", "suspend", "resume"};

static int refuse(struct buf *why, const struct life_generation *g, const char *what)
{
    buf_addf(why, "generation %u is %s: %s", g->number, life_state_name(g->state), what);
    return ZEGEL_ERR_REFUSED;
}

static int apply_to_domain(struct life_domain *life, enum decision what)
{
    if (what == DECIDE_SUSPEND)
        life->suspended = true;
    else
        life->suspended = life->frozen = false;
    return ZEGEL_OK;
}

static int apply(struct life_domain *life, struct life_generation *g, enum decision what, int64_t now_s, struct buf *why)
{
    unsigned index = (unsigned)(g - life->generations);
    switch (what) {
    case DECIDE_COMPROMISE:
        return life_compromise(life, index, now_s) ? ZEGEL_OK : refuse(why, g, "its record is revoked or gone already");
    case DECIDE_ABORT:
        return life_abort(life, index, now_s) ? ZEGEL_OK : refuse(why, g, "it has signed; only compromise ends it early");
    case DECIDE_BACKUP:
        if (g->state != LIFE_GENERATED)
            return refuse(why, g, "no backup is waited for");
        g->state = LIFE_BACKED_UP;
        g->since_s = now_s;
        return ZEGEL_OK;
    case DECIDE_ACTIVATE: return g->state <= LIFE_ACTIVE ? ZEGEL_OK : refuse(why, g, "it signs no more");
    default: break;
    }
    if (g->state < LIFE_RETIRED || g->private_key == LIFE_DESTROYED)
        return refuse(why, g, "there is nothing to approve");
    g->approved = true;
    return ZEGEL_OK;
}

/* Under dual control: does a ceremony permit it for this key, and was that not used before? Within store_begin. */
static int permitted(const struct decide *d, enum plan_action action, const struct store_key *k, struct buf *why)
{
    unsigned serial;
    if (d->domain->rotates->trust == NULL)
        return ZEGEL_OK;
    if (d->transcript == NULL) {
        buf_addf(why, "%s: rotation.trust asks for the transcript of a ceremony: name its directory", d->domain->domain);
        return ZEGEL_ERR_REFUSED;
    }
    int err = authority_permits(d->transcript, d->domain->rotates->trust, action, d->domain->domain, k->selector, k->spki_sha256,
                                &serial, why);
    return err == ZEGEL_OK ? store_permission(d->store, d->domain->domain, k->selector, serial, why) : err;
}

static int all_permitted(const struct decide *d, enum plan_action action, unsigned number, struct buf *why)
{
    struct store_key keys[STORE_KEYS_MAX];
    unsigned count;
    int err = store_keys(d->store, d->domain->domain, number, keys, &count, why);
    for (unsigned k = 0; k < count && err == ZEGEL_OK; k++)
        err = permitted(d, action, &keys[k], why);
    return err;
}

static int write_all(const struct decide *d, const struct life_domain *life, const char *act, unsigned number, const char *from,
                     const char *to, struct buf *why)
{
    const struct store_transition t = {.time_s = d->now_s,
                                       .domain = d->domain->domain,
                                       .number = number,
                                       .act = act,
                                       .from = from,
                                       .to = to,
                                       .who = d->who,
                                       .note = d->note};
    int err = store_save(d->store, d->domain->domain, life, why);
    return err == ZEGEL_OK ? store_enter(d->store, &t, why) : err;
}

static int find(const struct decide *d, const char *selector, struct life_domain *life, struct life_generation **g,
                struct buf *why)
{
    unsigned number = 0;
    *g = NULL;
    int err = store_load(d->store, d->domain->domain, life, why);
    if (err != ZEGEL_OK || selector == NULL)
        return err;
    err = store_find_selector(d->store, d->domain->domain, selector, &number, why);
    *g = life_find(life, number);
    if (err == ZEGEL_OK && *g == NULL) {
        buf_addf(why, "%s: %s", selector, number == 0 ? "no such selector" : "its life is over");
        err = ZEGEL_ERR_NOT_FOUND;
    }
    return err;
}

int decide(const struct decide *d, enum decision what, const char *selector, struct buf *why)
{
    struct life_domain life;
    struct life_generation *g;
    int err = store_begin(d->store, why);
    if (err == ZEGEL_OK)
        err = store_clock(d->store, d->now_s, why);
    if (err == ZEGEL_OK)
        err = find(d, selector, &life, &g, why);
    if (err == ZEGEL_OK) {
        const char *from = g == NULL ? "" : life_state_name(g->state);
        err = g == NULL ? apply_to_domain(&life, what) : apply(&life, g, what, d->now_s, why);
        if (err == ZEGEL_OK && g != NULL && what == DECIDE_DESTROY)
            err = all_permitted(d, PLAN_DESTROY, g->number, why);
        if (err == ZEGEL_OK && g != NULL && what == DECIDE_ACTIVATE)
            err = all_permitted(d, PLAN_ACTIVATE, g->number, why);
        if (err == ZEGEL_OK && g != NULL && what == DECIDE_ACTIVATE)
            err = store_permit(d->store, d->domain->domain, g->number, why);
        if (err == ZEGEL_OK)
            err = write_all(d, &life, names[what], g == NULL ? 0 : g->number, from, g == NULL ? "" : life_state_name(g->state),
                            why);
    }
    if (err == ZEGEL_OK)
        return store_commit(d->store, why);
    store_rollback(d->store);
    return err;
}

/* ---- adoption ---- */

static const char *algorithm_of(const struct key *key, char room[12])
{
    (void)snprintf(room, 12, key->type == KEY_RSA ? "rsa%u" : "ed25519", key->bits);
    return room;
}

static bool is_wanted(const struct config_rotation *r, const char *algorithm)
{
    for (unsigned k = 0; k < r->keys_count; k++)
        if (strcmp(r->keys[k], algorithm) == 0)
            return true;
    return false;
}

static int adopt_key(const struct decide *d, struct token *t, const char *selector, unsigned number, struct buf *why)
{
    struct buf uri = BUF_INIT;
    struct store_key k = {.number = number};
    struct key key;
    if (strlen(selector) >= sizeof k.selector || !domain_is_valid(bytes_str(selector))) {
        buf_addf(why, "%s: is no selector (RFC 6376 section 3.1), or too long", selector);
        return ZEGEL_ERR_REFUSED;
    }
    (void)snprintf(k.selector, sizeof k.selector, "%s", selector);
    buf_addf(&uri, "pkcs11:object=%s/%s", d->domain->domain, selector);
    int err = key_find(t, buf_cstr(&uri), &key, why);
    if (err == ZEGEL_OK && key.id_len > STORE_ID_LEN) {
        buf_addf(why, "%s: its CKA_ID is longer than %d octets", key.label, STORE_ID_LEN);
        err = ZEGEL_ERR_KEY_UNUSABLE;
    }
    if (err == ZEGEL_OK)
        bytes_hex(bytes_of(key.id, key.id_len), k.id);
    if (err == ZEGEL_OK && !is_wanted(d->domain->rotates, algorithm_of(&key, k.algorithm))) {
        buf_addf(why, "%s: is %s, which rotation.keys does not have", key.label, k.algorithm);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        err = made_describe(&key, &k, why);
    if (err == ZEGEL_OK)
        err = store_key_add(d->store, d->domain->domain, &k, why);
    if (err == ZEGEL_OK)
        err = permitted(d, PLAN_GENERATE, &k, why);
    buf_free(&uri);
    return err;
}

int decide_adopt(const struct decide *d, struct token *t, char *const *selectors, unsigned count, struct buf *why)
{
    const struct life_todo plan = {.act = LIFE_PLAN};
    const struct life_world now = {.now_s = d->now_s};
    struct life_domain life;
    if (count != d->domain->rotates->keys_count) {
        buf_addf(why, "%s: a generation has %u keys; name that many selectors", d->domain->domain,
                 d->domain->rotates->keys_count);
        return ZEGEL_ERR_REFUSED;
    }
    int err = store_begin(d->store, why);
    if (err == ZEGEL_OK)
        err = store_clock(d->store, d->now_s, why);
    if (err == ZEGEL_OK)
        err = store_load(d->store, d->domain->domain, &life, why);
    if (err == ZEGEL_OK && !life_apply(&life, &now, &plan))
        err = ZEGEL_ERR_TOO_BIG;
    if (err == ZEGEL_OK) {
        const struct life_todo made = {.act = LIFE_GENERATE, .index = life.count - 1};
        (void)life_apply(&life, &now, &made);
        err = write_all(d, &life, "adopt", life.last_number, life_state_name(LIFE_PLANNED), life_state_name(LIFE_GENERATED), why);
    }
    for (unsigned k = 0; k < count && err == ZEGEL_OK; k++)
        err = adopt_key(d, t, selectors[k], life.last_number, why);
    if (err == ZEGEL_OK)
        return store_commit(d->store, why);
    store_rollback(d->store);
    return err;
}
