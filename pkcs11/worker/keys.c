#include "worker/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "figures/figures.h"
#include "pkcs11/keyaudit.h"

enum { LOOK_AGAIN_MS = 1000, PREVIOUS_CONFIG_MS = 60000 };

static int compare(struct bytes uri, const char *have)
{
    int d = strncmp((const char *)uri.data, have, uri.len);
    return d != 0 ? d : have[uri.len] == '\0' ? 0 : -1;
}

/* Index of the entry, or where it belongs. Lock held. */
static size_t position(const struct keys *k, struct bytes uri, bool *there)
{
    size_t low = 0, high = k->count;
    *there = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int d = compare(uri, k->entries[mid]->uri);
        if (d == 0) {
            *there = true;
            return mid;
        }
        if (d < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static struct keys_entry *entry_new(const char *uri)
{
    struct keys_entry *e = calloc(1, sizeof *e);
    if (e == NULL || (e->uri = strdup(uri)) == NULL || pthread_mutex_init(&e->lock, NULL) != 0) {
        if (e != NULL)
            free(e->uri);
        free(e);
        return NULL;
    }
    return e;
}

static bool by_uri_less(const struct keys_entry *a, const struct keys_entry *b)
{
    return strcmp(a->uri, b->uri) < 0;
}

static int by_uri(const void *a, const void *b)
{
    const struct keys_entry *const *x = a, *const *y = b;
    return by_uri_less(*x, *y) ? -1 : by_uri_less(*y, *x);
}

/* What the configuration says of the key's past; a key that was found already was judged by what it said then. Written by us
 * alone. */
static void set_past(struct keys_entry *e, const char *backed_up)
{
    if (strcmp(e->backed_up, backed_up) == 0)
        return;
    pthread_mutex_lock(&e->lock);
    (void)snprintf(e->backed_up, sizeof e->backed_up, "%s", backed_up);
    pthread_mutex_unlock(&e->lock);
}

/* Known ones are allowed again, others added at the end. k->entries is still as it was, and sorted. */
static bool allow(const struct keys *k, struct keys_entry **entries, size_t *count, const char *uri, const char *backed_up,
                  const struct config *c, int64_t until_ms)
{
    bool there;
    size_t at = position(k, bytes_str(uri), &there);
    if (!there)
        entries[at = (*count)++] = entry_new(uri);
    if (entries[at] == NULL) {
        (*count)--;
        return false;
    }
    if (entries[at]->allowed_until_ms < until_ms)
        entries[at]->allowed_until_ms = until_ms;
    entries[at]->audit_warns = c->key_audit_warns;
    set_past(entries[at], backed_up == NULL ? "" : backed_up);
    return true;
}

/* Lock held. */
static int allow_all(struct keys *k, const struct config *c, unsigned token, int64_t until_ms)
{
    int err = ZEGEL_OK;
    size_t count = k->count, wanted = count + 1; /* the audit key */
    for (unsigned d = 0; d < c->domains_count; d++)
        wanted += c->domains[d].keys_count;
    struct keys_entry **entries = calloc(wanted + 1, sizeof(struct keys_entry *));
    if (entries == NULL)
        return ZEGEL_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        entries[i] = k->entries[i];
    for (unsigned d = 0; d < c->domains_count; d++)
        for (unsigned n = 0; n < c->domains[d].keys_count; n++) {
            const struct config_key *key = &c->domains[d].keys[n];
            if (key->token == token && !allow(k, entries, &count, key->key, key->wrapped_backup, c, until_ms))
                err = ZEGEL_ERR_NOMEM;
        }
    if (c->audit.key != NULL && c->audit.token == token && !allow(k, entries, &count, c->audit.key, NULL, c, until_ms))
        err = ZEGEL_ERR_NOMEM;
    free(k->entries);
    k->entries = entries;
    k->count = count;
    qsort(entries, count, sizeof(struct keys_entry *), by_uri);
    return err;
}

int keys_set_config(struct keys *k, const struct config *c, unsigned token)
{
    pthread_mutex_lock(&k->lock);
    int64_t soon = clock_monotonic_ms() + PREVIOUS_CONFIG_MS;
    for (size_t i = 0; i < k->count; i++)
        if (k->entries[i]->allowed_until_ms == KEYS_IN_FORCE)
            k->entries[i]->allowed_until_ms = soon;
    int err = allow_all(k, c, token, KEYS_IN_FORCE);
    pthread_mutex_unlock(&k->lock);
    return err;
}

int keys_set_previous(struct keys *k, const struct config *c, unsigned token)
{
    pthread_mutex_lock(&k->lock);
    int err = allow_all(k, c, token, clock_monotonic_ms() + PREVIOUS_CONFIG_MS);
    pthread_mutex_unlock(&k->lock);
    return err;
}

struct keys_entry *keys_get(struct keys *k, struct bytes uri)
{
    bool there;
    pthread_mutex_lock(&k->lock);
    size_t at = position(k, uri, &there);
    struct keys_entry *e = there && k->entries[at]->allowed_until_ms >= clock_monotonic_ms() ? k->entries[at] : NULL;
    pthread_mutex_unlock(&k->lock);
    return e;
}

/* A key that is not as it should be is refused, or complained about (key-audit:). Entry's lock held. */
static int audit(const struct keys_entry *e, struct token *t, struct buf *why)
{
    bool excused;
    int err = key_audit(t, &e->key, e->backed_up, &excused, why);
    if (excused)
        log_info("key %s: its attributes are those of a key with a wrapped backup, which it is (wrapped-backup)", e->key.label);
    if (err != ZEGEL_ERR_KEY_UNUSABLE)
        return err;
    if (!e->audit_warns) {
        buf_add_str(why, "; refused (key-audit: strict)");
        return err;
    }
    log_warn("%s; used all the same (key-audit: warn)", buf_cstr(why));
    buf_clear(why);
    return ZEGEL_OK;
}

int keys_find(struct keys_entry *e, struct token *t, struct buf *why)
{
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&e->lock);
    if (!e->found && now >= e->look_again_ms) {
        struct buf reason = BUF_INIT;
        e->err = key_find(t, e->uri, &e->key, &reason);
        if (e->err == ZEGEL_OK && (e->err = audit(e, t, &reason)) != ZEGEL_OK)
            (void)pthread_mutex_destroy(&e->key.lock);
        e->found = e->err == ZEGEL_OK;
        e->look_again_ms = now + LOOK_AGAIN_MS;
        (void)snprintf(e->reason, sizeof e->reason, "%s", buf_cstr(&reason));
        buf_free(&reason);
    }
    int err = e->found ? ZEGEL_OK : e->err;
    if (err != ZEGEL_OK)
        buf_add_str(why, e->reason);
    e->missing = err != ZEGEL_OK;
    pthread_mutex_unlock(&e->lock);
    return err;
}

void keys_show(struct keys *k)
{
    int64_t wanted = 0, missing = 0;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++)
        if (k->entries[i]->allowed_until_ms == KEYS_IN_FORCE) {
            wanted++;
            missing += k->entries[i]->missing;
        }
    pthread_mutex_unlock(&k->lock);
    figures_set(FIGURE_TOKEN_KEYS, wanted);
    figures_set(FIGURE_TOKEN_MISSING, missing);
}
