#include "signer/permit.h"

#include "base/err.h"
#include "base/log.h"
#include "signer/blockcheck.h"

static const struct config_key *find_key(const struct config_domain *d, struct bytes selector)
{
    for (unsigned i = 0; d != NULL && i < d->keys_count; i++)
        if (bytes_eq(bytes_str(d->keys[i].selector), selector))
            return &d->keys[i];
    return NULL;
}

static int refuse(int err, const char *reason, const char **why)
{
    *why = reason;
    return err;
}

static int count(const struct permit *p, const struct config_domain *d, const char **why)
{
    switch (ceilings_take(p->ceilings, d->domain, &d->rate, p->now_s)) {
    case CEILING_OVER: return refuse(ZEGEL_ERR_BUSY, "the domain has reached its limit of today", why);
    case CEILING_REACHED:
        log_error("ALARM: domain %s has reached its limit of %u signatures a day; nothing more is signed for it today", d->domain,
                  d->rate.count);
        break;
    case CEILING_NEAR:
        log_warn("ALARM: domain %s is at four fifths of its limit of %u signatures a day", d->domain, d->rate.count);
        break;
    case CEILING_OK: break;
    }
    return ZEGEL_OK;
}

int permit(const struct permit *p, const struct sign_request *in, struct permitted *out, const char **why)
{
    const struct config *c = p->config;
    out->domain = config_find_domain(c, in->domain);
    out->config_key = find_key(out->domain, in->selector);
    if (out->config_key == NULL || !bytes_eq(bytes_str(out->domain->domain), in->domain))
        return refuse(ZEGEL_ERR_REFUSED, "no such domain and selector in the configuration", why);
    if (!config_front_end_may(c, p->front_end->listen, out->domain->domain))
        return refuse(ZEGEL_ERR_REFUSED, "this front end may not sign for this domain (front-ends:)", why);
    const char *bad = blockcheck(in->block, out->domain, out->config_key, p->now_s, &out->sig);
    if (bad != NULL)
        return refuse(ZEGEL_ERR_REFUSED, bad, why);
    out->key = keyring_get(p->keys, out->config_key->key);
    if (out->key == NULL)
        return refuse(ZEGEL_ERR_NOMEM, "out of memory", why);
    if (known_key_quarantined(out->key))
        return refuse(ZEGEL_ERR_KEY_UNUSABLE, "key is quarantined: the token made signatures that do not verify", why);
    if (!rate_take(&p->front_end->rate_at_us, &c->limits.front_end_rate, p->now_ms))
        return refuse(ZEGEL_ERR_BUSY, "this front end asks for more than limits: allows", why);
    if (!rate_take(&out->key->rate_at_us, &c->limits.key_rate, p->now_ms))
        return refuse(ZEGEL_ERR_BUSY, "this key would sign more than limits: allows", why);
    return count(p, out->domain, why);
}
