#include "config/limits.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/check.h"
#include "config/network.h"
#include "dkim/domain.h"

/* "100/s", per s, m, h or d; `day` asks for the last. */
static int check_rate(const char *text, bool day, struct config_rate *out, const char *file, const char *key, struct buf *why)
{
    unsigned count;
    char unit, rest;
    if (text == NULL)
        return ZEGEL_OK;
    const char *units = day ? "d" : "smhd";
    if (sscanf(text, "%9u/%c%c", &count, &unit, &rest) != 2 || count == 0 || strchr(units, unit) == NULL)
        return config_bad(why, file, key, text,
                          day ? "must be a number a day, like 5000/d" : "must be a rate like 100/s, 100/m or 100/h");
    out->count = count;
    out->period_ms = unit == 's' ? 1000 : unit == 'm' ? 60000 : unit == 'h' ? 3600000 : 86400000;
    return ZEGEL_OK;
}

static int check_limits(struct config *c, const char *file, struct buf *why)
{
    struct config_limits *l = &c->limits;
    int err = check_rate(l->key, false, &l->key_rate, file, "limits.key", why);
    if (err == ZEGEL_OK)
        err = check_rate(l->front_end, false, &l->front_end_rate, file, "limits.front-end", why);
    if (err == ZEGEL_OK)
        err = check_rate(l->domain, true, &l->domain_rate, file, "limits.domain", why);
    for (unsigned i = 0; i < c->domains_count && err == ZEGEL_OK; i++) {
        c->domains[i].rate = l->domain_rate;
        err = check_rate(c->domains[i].limit, true, &c->domains[i].rate, file, "domains.limit", why);
    }
    return err;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_front_end(struct config *c, struct config_front_end *f, const char *file, struct buf *why)
{
    bool listens = false;
    struct network n;
    for (unsigned i = 0; i < c->listen_count; i++)
        listens = listens || strcmp(c->listen[i], f->listen) == 0;
    if (!listens)
        return config_bad(why, file, "front-ends.listen", f->listen, "is not one of listen:");
    for (struct config_front_end *o = c->front_ends; o < f; o++)
        if (strcmp(o->listen, f->listen) == 0)
            return config_bad(why, file, "front-ends.listen", f->listen, "stands there twice");
    for (unsigned i = 0; i < f->domains_count; i++)
        if (config_domain_exact(c, bytes_str(f->domains[i])) == NULL)
            return config_bad(why, file, "front-ends.domains", f->domains[i], "is not one of domains:");
    if (f->verify != (f->authserv_id != NULL))
        return config_bad(why, file, "front-ends.authserv-id", f->verify ? f->listen : f->authserv_id,
                          f->verify ? "verify: yes needs an authserv-id: of its own" : "needs verify: yes beside it");
    if (f->authserv_id != NULL && !domain_is_valid(bytes_str(f->authserv_id)))
        return config_bad(why, file, "front-ends.authserv-id", f->authserv_id, "must be a domain name (RFC 8601 section 2.5)");
    if (f->verify && f->domains_count + f->trusted_networks_count > 0)
        return config_bad(why, file, f->domains_count > 0 ? "front-ends.domains" : "front-ends.trusted-networks", f->listen,
                          "signs nothing, since it has verify: yes");
    for (unsigned i = 0; i < f->trusted_networks_count; i++)
        if (!network_parse(f->trusted_networks[i], &n))
            return config_bad(why, file, "front-ends.trusted-networks", f->trusted_networks[i],
                              "must be an address or a network like 192.0.2.0/24");
    if (f->domains_count > 0)
        qsort(f->domains, f->domains_count, sizeof *f->domains, by_name);
    return ZEGEL_OK;
}

const struct config_front_end *config_find_front_end(const struct config *c, const char *listen)
{
    for (unsigned i = 0; i < c->front_ends_count; i++)
        if (strcmp(c->front_ends[i].listen, listen) == 0)
            return &c->front_ends[i];
    return NULL;
}

bool config_verifies(const struct config *c, const char *listen)
{
    const struct config_front_end *f = config_find_front_end(c, listen);
    return f != NULL && f->verify;
}

bool config_front_end_may(const struct config *c, const char *listen, const char *domain)
{
    const struct config_front_end *f = config_find_front_end(c, listen);
    if (f == NULL || (f->domains_count == 0 && !f->verify))
        return true;
    return !f->verify && bsearch(&domain, f->domains, f->domains_count, sizeof *f->domains, by_name) != NULL;
}

int limits_check(struct config *c, const char *file, struct buf *why)
{
    int err = check_limits(c, file, why);
    for (unsigned i = 0; i < c->front_ends_count && err == ZEGEL_OK; i++)
        err = check_front_end(c, &c->front_ends[i], file, why);
    return err;
}
