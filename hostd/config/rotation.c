#include "config/rotation.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/check.h"

enum { HOUR = 3600, DAY = 86400 };

static const struct {
    const char *key, *standard;
    int64_t least, most; /* seconds; the floors are those of provisioning/lifecycle/machine.c */
    const char *problem;
} times[ROTATION_TIMES] = {
    [ROTATION_SAMPLE] = {"sample", "15m", 900, DAY, "must be 15m to 1d"},
    [ROTATION_SETTLE] = {"settle", "1h", HOUR, 30 * DAY, "must be 1h to 30d"},
    [ROTATION_VISIBLE] = {"visible", "24h", DAY, 90 * DAY, "must be 24h to 90d"},
    [ROTATION_ACTIVE] = {"active", "180d", 14 * DAY, 366 * DAY, "must be 14d to 366d"},
    [ROTATION_UNUSED] = {"unused", "1h", HOUR, 30 * DAY, "must be 1h to 30d"},
    [ROTATION_DESTROY] = {"destroy", "72h", HOUR, 366 * DAY, "must be 1h to 366d"},
    [ROTATION_REVOKE] = {"revoke", "14d", 8 * DAY, 366 * DAY, "must be 8d to 366d: mail waits in queues up to 5 days, twice"},
};

bool rotation_any(const struct config *c)
{
    for (unsigned i = 0; i < c->domains_count; i++)
        if (c->domains[i].rotation)
            return true;
    return false;
}

int rotation_keys_check(const struct config *c, const char *file, struct buf *why)
{
    for (unsigned i = 0; i < c->domains_count; i++) {
        const struct config_domain *d = &c->domains[i];
        if (!d->rotation && d->keys_count == 0)
            return config_bad(why, file, "domains.keys", d->domain, "needs keys:, or rotation: yes");
        if (!d->rotation && d->rotates != NULL)
            return config_bad(why, file, "domains.rotation-policy", d->domain, "needs rotation: yes");
    }
    return ZEGEL_OK;
}

static int by_domain(const void *a, const void *b)
{
    return strcasecmp(((const struct config_active *)a)->domain, ((const struct config_active *)b)->domain);
}

/* The two change places: who frees the list frees the keys that signed before the first generation. */
void rotation_take(struct config *c, struct config_active *list, unsigned count)
{
    if (count > 0)
        qsort(list, count, sizeof *list, by_domain);
    for (unsigned i = 0; i < c->domains_count; i++) {
        struct config_domain *d = &c->domains[i];
        struct config_active wanted = {.domain = d->domain};
        struct config_active *found = count == 0 ? NULL : bsearch(&wanted, list, count, sizeof *list, by_domain);
        if (!d->rotation || found == NULL)
            continue;
        struct config_key *before = d->keys;
        unsigned before_count = d->keys_count;
        d->keys = found->keys;
        d->keys_count = found->keys_count;
        found->keys = before;
        found->keys_count = before_count;
    }
}

/* ---- the policy ---- */

static bool inherit(char **field, const char *from, const char *standard)
{
    const char *value = from != NULL ? from : standard;
    if (*field == NULL && value != NULL)
        *field = strdup(value); /* libcyaml frees it: cyaml_mem is malloc and free */
    return *field != NULL || value == NULL;
}

static bool inherit_keys(struct config_rotation *r, const struct config_rotation *from)
{
    static char rsa[] = "rsa2048", ed25519[] = "ed25519", *const standard[] = {rsa, ed25519};
    char *const *names = from->keys_count > 0 ? from->keys : standard;
    unsigned count = from->keys_count > 0 ? from->keys_count : 2;
    if (r->keys_count > 0)
        return true;
    if ((r->keys = calloc(count, sizeof *r->keys)) == NULL)
        return false;
    for (r->keys_count = 0; r->keys_count < count; r->keys_count++)
        if ((r->keys[r->keys_count] = strdup(names[r->keys_count])) == NULL)
            return false;
    return true;
}

static enum config_answer answer(enum config_answer a, enum config_answer from)
{
    return a != CONFIG_UNSET ? a : from != CONFIG_UNSET ? from : CONFIG_NO;
}

static bool complete(struct config_rotation *r, const struct config_rotation *from, const struct config *c)
{
    bool good = inherit_keys(r, from) && inherit(&r->token, from->token, c->tokens[0].name) &&
                inherit(&r->exec, from->exec, NULL) && inherit(&r->trust, from->trust, NULL);
    for (unsigned t = 0; t < ROTATION_TIMES; t++)
        good = good && inherit(&r->times[t], from->times[t], times[t].standard);
    if (r->publish == CONFIG_PUBLISH_UNSET)
        r->publish = from->publish != CONFIG_PUBLISH_UNSET ? from->publish : CONFIG_PUBLISH_UPDATE;
    r->backup_required = answer(r->backup_required, from->backup_required);
    r->approval = answer(r->approval, from->approval);
    r->ceremony = answer(r->ceremony, from->ceremony);
    r->insecure_allowed = answer(r->insecure_allowed, from->insecure_allowed);
    return good;
}

static bool is_rsa(const char *algorithm)
{
    return strcmp(algorithm, "rsa2048") == 0 || strcmp(algorithm, "rsa3072") == 0 || strcmp(algorithm, "rsa4096") == 0;
}

static int check_keys(const struct config_rotation *r, const char *file, struct buf *why)
{
    for (unsigned k = 0; k < r->keys_count; k++)
        if (!is_rsa(r->keys[k]) && strcmp(r->keys[k], "ed25519") != 0)
            return config_bad(why, file, "rotation.keys", r->keys[k], "must be rsa2048, rsa3072, rsa4096 or ed25519");
    if (r->keys_count == 2 && is_rsa(r->keys[0]) == is_rsa(r->keys[1]))
        return config_bad(why, file, "rotation.keys", r->keys[1], "of two, one is RSA and the other ed25519");
    return ZEGEL_OK;
}

static int check_policy(const struct config *c, struct config_rotation *r, const char *file, struct buf *why)
{
    char key[40];
    int err = check_keys(r, file, why);
    for (unsigned t = 0; err == ZEGEL_OK && t < ROTATION_TIMES; t++) {
        int64_t ms = config_duration_ms(r->times[t]);
        r->seconds[t] = ms / 1000;
        (void)snprintf(key, sizeof key, "rotation.%s", times[t].key);
        if (ms < 0 || r->seconds[t] < times[t].least || r->seconds[t] > times[t].most)
            err = config_bad(why, file, key, r->times[t], times[t].problem);
    }
    for (r->token_index = 0; r->token_index < c->tokens_count; r->token_index++)
        if (strcmp(c->tokens[r->token_index].name, r->token) == 0)
            break;
    if (err == ZEGEL_OK && r->token_index == c->tokens_count)
        err = config_bad(why, file, "rotation.token", r->token, "is not the name of one of tokens:");
    if (err == ZEGEL_OK && r->publish == CONFIG_PUBLISH_EXEC && (r->exec == NULL || r->exec[0] != '/'))
        err =
            config_bad(why, file, "rotation.exec", r->exec == NULL ? "exec" : r->exec, "must be the absolute path of a program");
    if (err == ZEGEL_OK && r->trust != NULL && r->trust[0] != '/')
        err = config_bad(why, file, "rotation.trust", r->trust, "must be an absolute path");
    return err;
}

int rotation_check(struct config *c, const char *file, struct buf *why)
{
    int err = ZEGEL_OK;
    for (unsigned i = 0; i < c->domains_count && err == ZEGEL_OK; i++) {
        struct config_domain *d = &c->domains[i];
        if (!d->rotation)
            continue;
        if (d->rotates == NULL && (d->rotates = calloc(1, sizeof *d->rotates)) == NULL)
            return ZEGEL_ERR_NOMEM;
        if (!complete(d->rotates, &c->rotation, c))
            return ZEGEL_ERR_NOMEM;
        err = check_policy(c, d->rotates, file, why);
        if (err == ZEGEL_OK && d->rotates->publish == CONFIG_PUBLISH_UPDATE && d->update == NULL && c->dns.update.server == NULL)
            err = config_bad(why, file, "rotation.publish", "dns-update", "needs dns.update: (or say publish: manual or exec)");
    }
    return err;
}
