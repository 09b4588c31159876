#include "config/limits.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/check.h"

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
    if (f->domains_count > 0)
        qsort(f->domains, f->domains_count, sizeof *f->domains, by_name);
    return ZEGEL_OK;
}

bool config_front_end_may(const struct config *c, const char *listen, const char *domain)
{
    for (unsigned i = 0; i < c->front_ends_count; i++) {
        const struct config_front_end *f = &c->front_ends[i];
        if (strcmp(f->listen, listen) == 0 && f->domains_count > 0)
            return bsearch(&domain, f->domains, f->domains_count, sizeof *f->domains, by_name) != NULL;
    }
    return true;
}

int limits_check(struct config *c, const char *file, struct buf *why)
{
    int err = check_limits(c, file, why);
    for (unsigned i = 0; i < c->front_ends_count && err == ZEGEL_OK; i++)
        err = check_front_end(c, &c->front_ends[i], file, why);
    return err;
}
