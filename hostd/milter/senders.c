#include "milter/senders.h"

#include <fnmatch.h>
#include <stdio.h>

#include "config/network.h"
#include "dkim/idna.h"

static bool in_network(const char *text, const struct sender *s)
{
    struct network n;
    if (strcmp(text, "local") == 0)
        return s->local;
    return !s->local && s->client != NULL && network_parse(text, &n) && network_contains(&n, s->client);
}

static bool in_any_network(char *const *networks, unsigned count, const struct sender *s)
{
    for (unsigned i = 0; i < count; i++)
        if (in_network(networks[i], s))
            return true;
    return false;
}

static bool is_trusted(const struct config *c, const struct sender *s)
{
    const struct config_front_end *f = s->front_end;
    return in_any_network(c->trusted_networks, c->trusted_networks_count, s) ||
           (f != NULL && in_any_network(f->trusted_networks, f->trusted_networks_count, s));
}

bool sender_is_ours(const struct config *c, const struct sender *s)
{
    return s->local || s->user != NULL || is_trusted(c, s);
}

/* A pattern that is there must match something that is there. */
static bool matches(const char *pattern, const char *text)
{
    return pattern == NULL || (text != NULL && fnmatch(pattern, text, FNM_CASEFOLD) == 0);
}

/* Does the rule's network hold for this sender? Where the network alone says who that is, only on sockets that trust it: what
 * comes back from a content filter is no user who happens to be at 127.0.0.1. */
static bool network_fits(const struct config *c, const struct config_sender *r, const struct sender *s)
{
    return r->network == NULL || (in_network(r->network, s) && (s->local || r->user != NULL || is_trusted(c, s)));
}

static bool allows(const struct config *c, const struct config_sender *r, const struct sender *s, const struct config_domain *d)
{
    if (!matches(r->user, s->user) || !matches(r->envelope, s->envelope) || !network_fits(c, r, s))
        return false;
    for (unsigned i = 0; i < r->domains_count; i++)
        if (strcmp(r->domains[i], "*") == 0 || strcmp(r->domains[i], d->domain) == 0)
            return true;
    return false;
}

static bool any_of(const struct config *c, const struct config_sender *r, unsigned count, const struct sender *s,
                   const struct config_domain *d)
{
    for (unsigned i = 0; i < count; i++)
        if (allows(c, &r[i], s, d))
            return true;
    return false;
}

/* The rules that are found by `name`, or by its whole domain. */
static bool found_rule_allows(const struct config *c, enum config_senders_by by, const char *name, const struct sender *s,
                              const struct config_domain *d)
{
    unsigned count;
    char whole_domain[300] = "*";
    if (name == NULL)
        return false;
    const struct config_sender *r = config_find_senders(c, by, name, &count);
    if (any_of(c, r, count, s, d))
        return true;
    const char *at = strrchr(name, '@');
    if (at == NULL || strlen(at) >= sizeof whole_domain - 1)
        return false;
    (void)snprintf(whole_domain, sizeof whole_domain, "*%s", at);
    r = config_find_senders(c, by, whole_domain, &count);
    return any_of(c, r, count, s, d);
}

bool sender_may(const struct config *c, const struct sender *s, const struct config_domain *d)
{
    const char *at = s->user == NULL ? NULL : strrchr(s->user, '@');
    uint8_t room[DKIM_DOMAIN_MAX];
    struct out own = out_of(room, sizeof room);
    unsigned searched = c->senders_by_user + c->senders_by_envelope;
    if (c->senders_count > 0 || c->senders_table != NULL) /* an empty table allows nobody anything */
        return found_rule_allows(c, CONFIG_BY_USER, s->user, s, d) ||
               found_rule_allows(c, CONFIG_BY_ENVELOPE, s->envelope, s, d) ||
               any_of(c, c->senders + searched, c->senders_count - searched, s, d);
    if (at != NULL)
        return idna_ascii(bytes_str(at + 1), &own) && config_find_domain(c, out_bytes(&own)) == d;
    return c->domains_count == 1 && sender_is_ours(c, s);
}
