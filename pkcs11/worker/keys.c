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

static int by_key_uri(const void *a, const void *b)
{
    const struct config_key *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

/* What `c` names for this token, sorted by URI, each once: many domains may share a key. NULL without memory; the caller frees
 * the array. */
static const struct config_key **wanted_keys(const struct config *c, unsigned token, const struct config_key *audit,
                                             size_t *count)
{
    size_t most = 1, n = 0;
    for (unsigned d = 0; d < c->domains_count; d++)
        most += c->domains[d].keys_count;
    const struct config_key **wanted = calloc(most, sizeof(struct config_key *));
    if (wanted == NULL)
        return NULL;
    for (unsigned d = 0; d < c->domains_count; d++)
        for (unsigned i = 0; i < c->domains[d].keys_count; i++)
            if (c->domains[d].keys[i].token == token)
                wanted[n++] = &c->domains[d].keys[i];
    if (audit->key != NULL && audit->token == token)
        wanted[n++] = audit;
    qsort(wanted, n, sizeof(struct config_key *), by_key_uri);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || by_key_uri(&wanted[i], &wanted[*count - 1]) != 0)
            wanted[(*count)++] = wanted[i];
    return wanted;
}

/* Lock held. */
static int allow_all(struct keys *k, const struct config *c, unsigned token, int64_t until_ms)
{
    int err = ZEGEL_OK;
    size_t count = k->count, more = 0;
    const struct config_key audit = {.key = c->audit.key, .token = c->audit.token};
    const struct config_key **wanted = wanted_keys(c, token, &audit, &more);
    struct keys_entry **entries = wanted == NULL ? NULL : calloc(count + more + 1, sizeof(struct keys_entry *));
    if (entries == NULL) {
        free(wanted);
        return ZEGEL_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        entries[i] = k->entries[i];
    for (size_t i = 0; i < more; i++)
        if (!allow(k, entries, &count, wanted[i]->key, wanted[i]->wrapped_backup, c, until_ms))
            err = ZEGEL_ERR_NOMEM;
    free(wanted);
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

struct keys_entry **keys_all(struct keys *k, size_t *count)
{
    pthread_mutex_lock(&k->lock);
    struct keys_entry **all = calloc(k->count + 1, sizeof(struct keys_entry *));
    *count = all == NULL ? 0 : k->count;
    for (size_t i = 0; i < *count; i++)
        all[i] = k->entries[i];
    pthread_mutex_unlock(&k->lock);
    return all;
}

/* A key that is not as it should be is refused, or complained about (key-audit:). Entry's lock held. */
static int audit(const struct keys_entry *e, struct token *t, const struct key *key, struct buf *why)
{
    bool excused;
    int err = key_audit(t, key, e->backed_up, &excused, why);
    if (excused)
        log_info("key %s: its attributes are those of a key with a wrapped backup, which it is (wrapped-backup)", key->label);
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

/* *key is the caller's to destroy and free; NULL when it is not to be used. Entry's lock held. */
static int find(const struct keys_entry *e, struct token *t, struct key **key, struct buf *why)
{
    *key = malloc(sizeof **key);
    int err = *key == NULL ? ZEGEL_ERR_NOMEM : key_find(t, e->uri, *key, why);
    if (err == ZEGEL_OK && (err = audit(e, t, *key, why)) != ZEGEL_OK)
        (void)pthread_mutex_destroy(&(*key)->lock);
    if (err != ZEGEL_OK) {
        free(*key);
        *key = NULL;
    }
    return err;
}

int keys_look(struct keys_entry *e, struct token *t, struct buf *why)
{
    struct key *key;
    pthread_mutex_lock(&e->lock);
    int err = find(e, t, &key, why);
    pthread_mutex_unlock(&e->lock);
    if (key != NULL)
        (void)pthread_mutex_destroy(&key->lock);
    free(key);
    e->missing = err != ZEGEL_OK;
    return err;
}

int keys_find(struct keys_entry *e, struct token *t, struct buf *why)
{
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&e->lock);
    if (e->key == NULL && now >= e->look_again_ms) {
        struct buf reason = BUF_INIT;
        e->err = find(e, t, &e->key, &reason);
        e->look_again_ms = now + LOOK_AGAIN_MS;
        free(e->reason);
        e->reason = strdup(buf_cstr(&reason));
        buf_free(&reason);
    }
    int err = e->key != NULL ? ZEGEL_OK : e->err;
    if (err != ZEGEL_OK)
        buf_add_str(why, e->reason == NULL ? "out of memory" : e->reason);
    e->missing = err != ZEGEL_OK;
    pthread_mutex_unlock(&e->lock);
    return err;
}

void keys_show(struct keys *k)
{
    int64_t wanted = 0, missing = 0;
    if (pthread_mutex_trylock(&k->lock) != 0)
        return;
    for (size_t i = 0; i < k->count; i++)
        if (k->entries[i]->allowed_until_ms == KEYS_IN_FORCE) {
            wanted++;
            missing += k->entries[i]->missing;
        }
    pthread_mutex_unlock(&k->lock);
    figures_set(FIGURE_TOKEN_KEYS, wanted);
    figures_set(FIGURE_TOKEN_MISSING, missing);
}
