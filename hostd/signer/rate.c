#include "signer/rate.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "dkim/limits.h"

enum { BURST_US = 10000000, DAY_S = 86400 };

bool rate_take(int64_t *at_us, const struct config_rate *r, int64_t now_ms)
{
    if (r->count == 0)
        return true;
    int64_t now = now_ms * 1000, pace = r->period_ms * 1000 / r->count;
    if (*at_us < now)
        *at_us = now;
    if (*at_us - now > BURST_US)
        return false;
    *at_us += pace > 0 ? pace : 1;
    return true;
}

/* ---- ceilings ---- */

struct count {
    char domain[DKIM_DOMAIN_MAX + 1]; /* first: what is compared */
    uint32_t n;
    bool near_said;
};

struct ceilings {
    int64_t day;  /* since 1970, UTC */
    void *counts; /* tsearch(3) */
    bool changed;
};

static int by_domain(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct ceilings *ceilings_new(void)
{
    return calloc(1, sizeof(struct ceilings));
}

void ceilings_free(struct ceilings *c)
{
    if (c != NULL)
        tdestroy(c->counts, free);
    free(c);
}

static struct count *find(struct ceilings *c, struct bytes domain, bool make)
{
    struct count *fresh = calloc(1, sizeof *fresh), **at = NULL;
    if (fresh == NULL || domain.len >= sizeof fresh->domain) {
        free(fresh);
        return NULL;
    }
    memcpy(fresh->domain, domain.data, domain.len);
    at = make ? tsearch(fresh, &c->counts, by_domain) : tfind(fresh, &c->counts, by_domain);
    struct count *found = at == NULL ? NULL : *at;
    if (found != fresh)
        free(fresh);
    return found;
}

enum ceiling_answer ceilings_take(struct ceilings *c, const char *domain, const struct config_rate *r, int64_t now_s)
{
    if (r->count == 0)
        return CEILING_OK;
    if (now_s / DAY_S > c->day) {
        tdestroy(c->counts, free);
        c->counts = NULL;
        c->day = now_s / DAY_S;
    }
    struct count *n = find(c, bytes_str(domain), true);
    if (n == NULL || n->n >= r->count)
        return CEILING_OVER;
    n->n++;
    c->changed = true;
    if (n->n == r->count)
        return CEILING_REACHED;
    if (n->near_said || (uint64_t)n->n * 5 < (uint64_t)r->count * 4)
        return CEILING_OK;
    n->near_said = true;
    return CEILING_NEAR;
}

void ceilings_give_back(struct ceilings *c, const char *domain)
{
    struct count *n = find(c, bytes_str(domain), false);
    if (n != NULL && n->n > 0)
        n->n--;
}

static void print_one(const void *node, VISIT visit, void *out)
{
    const struct count *const *n = node;
    if (visit == postorder || visit == leaf)
        buf_addf(out, "%s %u\n", (*n)->domain, (*n)->n);
}

void ceilings_print(struct ceilings *c, struct buf *out)
{
    buf_addf(out, "%lld\n", (long long)c->day);
    twalk_r(c->counts, print_one, out);
    c->changed = false;
}

void ceilings_parse(struct ceilings *c, struct bytes text)
{
    char line[DKIM_DOMAIN_MAX + 32], domain[DKIM_DOMAIN_MAX + 1];
    for (bool first = true; text.len > 0; first = false) {
        size_t end = bytes_find(text, '\n');
        unsigned n;
        long long day;
        if (end < sizeof line) {
            memcpy(line, text.data, end);
            line[end] = '\0';
            if (first && sscanf(line, "%18lld", &day) == 1)
                c->day = day;
            struct count *at = first || sscanf(line, "%253s %9u", domain, &n) != 2 ? NULL : find(c, bytes_str(domain), true);
            if (at != NULL)
                at->n = n;
        }
        text = bytes_slice(text, end + 1, text.len);
    }
}

bool ceilings_changed(const struct ceilings *c)
{
    return c->changed;
}
