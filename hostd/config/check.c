#include "config/check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/err.h"
#include "config/headers.h"
#include "config/limits.h"
#include "config/network.h"
#include "config/rotation.h"
#include "config/senders.h"
#include "config/status.h"
#include "config/token.h"
#include "dkim/domain.h"

int config_bad(struct buf *why, const char *file, const char *key, const char *value, const char *problem)
{
    buf_addf(why, "%s: %s: %s: %s", file, key, value, problem);
    return ZEGEL_ERR_CONFIG;
}

static bool set_default(char **field, const char *value)
{
    if (*field == NULL)
        *field = strdup(value); /* as libcyaml allocates: cyaml_mem is malloc and free */
    return *field != NULL;
}

/* The value of `attr` (token, object, id) in a pkcs11: URI. */
static struct bytes uri_attr(const char *uri, const char *attr)
{
    struct bytes rest = bytes_str(uri + strlen("pkcs11:"));
    rest = bytes_slice(rest, 0, bytes_find(rest, '?'));
    while (rest.len > 0) {
        size_t end = bytes_find(rest, ';');
        struct bytes pair = bytes_slice(rest, 0, end);
        size_t eq = bytes_find(pair, '=');
        if (bytes_eq(bytes_slice(pair, 0, eq), bytes_str(attr)))
            return bytes_slice(pair, eq + 1, pair.len);
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    return bytes_of(NULL, 0);
}

/* Either of the names that a token has. */
static bool is_named(const struct config_token *t, struct bytes name)
{
    return bytes_eq(name, uri_attr(t->token, "token")) ||
           (t->prefer.token != NULL && bytes_eq(name, uri_attr(t->prefer.token, "token")));
}

/* The configured token a key's URI means: the one with the same token=, or the first when the URI names none. */
static bool find_token(const struct config *c, const char *key, unsigned *token)
{
    struct bytes want = uri_attr(key, "token");
    for (unsigned i = 0; i < c->tokens_count; i++)
        if (want.data == NULL || is_named(&c->tokens[i], want)) {
            *token = i;
            return true;
        }
    return false;
}

static int check_key(struct config *c, const struct config_domain *d, struct config_key *k, const char *file, struct buf *why)
{
    if (!domain_is_valid(bytes_str(k->selector)))
        return config_bad(why, file, "domains.keys.selector", k->selector, "is no selector (RFC 6376 section 3.1)");
    for (const struct config_key *o = d->keys; o < k; o++)
        if (strcasecmp(o->selector, k->selector) == 0)
            return config_bad(why, file, "domains.keys.selector", k->selector, "stands there twice");
    if (k->key == NULL) {
        struct buf uri = BUF_INIT;
        buf_addf(&uri, "%s;object=%s/%s", c->tokens[0].token, d->domain, k->selector);
        bool ok = set_default(&k->key, buf_cstr(&uri));
        buf_free(&uri);
        if (!ok)
            return ZEGEL_ERR_NOMEM;
    }
    if ((k->since_s = status_day(k->since)) < 0)
        return config_bad(why, file, "domains.keys.since", k->since, "must be a day, as 2026-11-25");
    if ((k->until_s = status_day(k->until)) < 0)
        return config_bad(why, file, "domains.keys.until", k->until, "must be a day, as 2026-11-25");
    if (strncmp(k->key, "pkcs11:", 7) != 0)
        return config_bad(why, file, "domains.keys.key", k->key,
                          "must be a pkcs11: URI: keys in files are what Zegel is there to end");
    if (uri_attr(k->key, "object").data == NULL && uri_attr(k->key, "id").data == NULL)
        return config_bad(why, file, "domains.keys.key", k->key, "needs object= or id=");
    if (k->wrapped_backup != NULL && (strlen(k->wrapped_backup) != 64 || strspn(k->wrapped_backup, "0123456789abcdef") != 64))
        return config_bad(why, file, "domains.keys.wrapped-backup", k->wrapped_backup,
                          "must be the SHA-256 of the public key, as the transcript of its ceremony has it: 64 hex digits");
    if (!find_token(c, k->key, &k->token))
        return config_bad(why, file, "domains.keys.key", k->key, "names a token that is not under tokens:");
    return ZEGEL_OK;
}

static int check_domain(struct config *c, struct config_domain *d, const char *file, struct buf *why)
{
    for (char *p = d->domain; *p != '\0'; p++)
        *p = (char)ascii_lower((uint8_t)*p);
    if (!domain_is_valid(bytes_str(d->domain)))
        return config_bad(why, file, "domains.domain", d->domain,
                          "is no domain name; write international names as A-labels (xn--)");
    if (!set_default(&d->canonicalization, "relaxed/relaxed"))
        return ZEGEL_ERR_NOMEM;
    const char *slash = strchr(d->canonicalization, '/');
    struct bytes c_text = bytes_str(d->canonicalization);
    size_t cut = slash == NULL ? c_text.len : (size_t)(slash - d->canonicalization);
    struct bytes head = bytes_slice(c_text, 0, cut), body = bytes_slice(c_text, cut + 1, c_text.len);
    d->relaxed_header = bytes_eq(head, BYTES_LIT("relaxed"));
    d->relaxed_body = bytes_eq(body, BYTES_LIT("relaxed"));
    if ((!d->relaxed_header && !bytes_eq(head, BYTES_LIT("simple"))) ||
        (slash != NULL && !d->relaxed_body && !bytes_eq(body, BYTES_LIT("simple"))))
        return config_bad(why, file, "domains.canonicalization", d->canonicalization,
                          "must be simple or relaxed, or two with a / between");
    if (d->expire != NULL) {
        int64_t ms = config_duration_ms(d->expire);
        if (ms < 60000)
            return config_bad(why, file, "domains.expire", d->expire, "must be a duration of at least 1m, like 14d");
        d->expire_s = ms / 1000;
    }
    if (d->identity != NULL) {
        const char *at = strrchr(d->identity, '@');
        if (at == NULL || !domain_is_valid(bytes_str(at + 1)) || !domain_is_within(bytes_str(at + 1), bytes_str(d->domain)))
            return config_bad(why, file, "domains.identity", d->identity,
                              "must be [LOCAL]@DOMAIN within the domain (RFC 6376 i=)");
    }
    int err = headers_check(d, file, why);
    for (unsigned i = 0; i < d->keys_count && err == ZEGEL_OK; i++)
        err = check_key(c, d, &d->keys[i], file, why);
    return err;
}

static int check_listen(const char *l, const char *file, struct buf *why)
{
    unsigned port;
    char host[256], rest;
    if (strncmp(l, "unix:/", 6) == 0)
        return strlen(l) - 5 < 108 ? ZEGEL_OK : config_bad(why, file, "listen", l, "path too long for a socket (107 octets)");
    if ((sscanf(l, "inet:%u@%255[^ ]%c", &port, host, &rest) == 2 || sscanf(l, "inet6:%u@%255[^ ]%c", &port, host, &rest) == 2) &&
        port > 0 && port < 65536)
        return ZEGEL_OK;
    return config_bad(why, file, "listen", l, "must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST");
}

/* "64M", "1G", or plain octets; 0: nonsense. */
static uint64_t octets(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (end == text || n > 1U << 20 || (shift > 0 ? end[1] : end[0]) != '\0')
        return shift == 0 && end != text && *end == '\0' ? n : 0;
    return n << shift;
}

static int check_audit(struct config *c, const char *file, struct buf *why)
{
    struct config_audit *a = &c->audit;
    struct utsname host;
    a->segment_max = octets(a->segment == NULL ? "64M" : a->segment);
    if (a->segment_max < 4096)
        return config_bad(why, file, "audit.segment", a->segment, "must be at least 4096 octets, like 64M");
    a->keep_max = a->keep == NULL ? 0 : octets(a->keep);
    if (a->keep != NULL && a->keep_max < a->segment_max)
        return config_bad(why, file, "audit.keep", a->keep, "must be octets, like 100G, and no less than audit.segment");
    if (a->origin == NULL) {
        struct buf origin = BUF_INIT;
        buf_addf(&origin, "zegel/%s", uname(&host) == 0 ? host.nodename : "localhost");
        bool ok = set_default(&a->origin, buf_cstr(&origin));
        buf_free(&origin);
        if (!ok)
            return ZEGEL_ERR_NOMEM;
    }
    for (const char *p = a->origin; *p != '\0'; p++)
        if (*p <= ' ' || *p == '+' || *p > '~')
            return config_bad(why, file, "audit.origin", a->origin, "no white space and no + (C2SP signed-note)");
    if (a->key == NULL)
        return ZEGEL_OK;
    if (strncmp(a->key, "pkcs11:", 7) != 0 || !find_token(c, a->key, &a->token))
        return config_bad(why, file, "audit.key", a->key, "must be a pkcs11: URI on a token under tokens:");
    for (unsigned i = 0; i < c->domains_count; i++)
        for (unsigned k = 0; k < c->domains[i].keys_count; k++)
            if (strcmp(c->domains[i].keys[k].key, a->key) == 0)
                return config_bad(why, file, "audit.key", a->key, "signs mail; the audit log needs a key of its own");
    return ZEGEL_OK;
}

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *port = (uint16_t)n;
    return text[0] >= '1' && text[0] <= '9' && *end == '\0' && n <= UINT16_MAX;
}

/* `domain`: whose it is; NULL: dns.update. */
static int check_update(struct config_update *u, const char *domain, const char *file, struct buf *why)
{
    struct network n;
    const char *key = domain == NULL ? "dns.update" : "domains.update";
    if (!network_parse(u->server, &n) || strchr(u->server, '/') != NULL)
        return config_bad(why, file, key, u->server, "server must be an IPv4 or IPv6 address");
    if (!domain_is_valid(bytes_str(u->key)))
        return config_bad(why, file, key, u->key, "key must be the name of a TSIG key");
    if (!token_pin_source_is_valid(u->secret) || strchr(u->secret, ':') == NULL)
        return config_bad(why, file, key, domain == NULL ? "..." : domain, "secret must be file:/PATH or credential:NAME");
    u->port_n = 53;
    if (u->port != NULL && !read_port(u->port, &u->port_n))
        return config_bad(why, file, key, u->port, "port must be a number from 1 to 65535");
    return ZEGEL_OK;
}

/* They are names of directories. */
static int check_nodes(const struct config *c, const char *file, struct buf *why)
{
    for (unsigned i = 0; i < c->nodes_count; i++) {
        if (!domain_is_valid(bytes_str(c->nodes[i])))
            return config_bad(why, file, "nodes", c->nodes[i], "must be the name of a host");
        for (unsigned j = 0; j < i; j++)
            if (strcmp(c->nodes[i], c->nodes[j]) == 0)
                return config_bad(why, file, "nodes", c->nodes[i], "stands there twice");
    }
    return ZEGEL_OK;
}

static int by_domain(const void *a, const void *b)
{
    return strcmp(((const struct config_domain *)a)->domain, ((const struct config_domain *)b)->domain);
}

/* What zegel check is told; after the domains are in order. */
static int check_check(struct config *c, const char *file, struct buf *why)
{
    if (c->check.explain != NULL && c->check.explain[0] != '/')
        return config_bad(why, file, "check.explain", c->check.explain, "must be an absolute path");
    for (unsigned i = 0; i < c->check.non_sending_count; i++) {
        char *d = c->check.non_sending[i];
        for (char *p = d; *p != '\0'; p++)
            *p = (char)ascii_lower((uint8_t)*p);
        if (!domain_is_valid(bytes_str(d)))
            return config_bad(why, file, "check.non-sending", d,
                              "is no domain name; write international names as A-labels (xn--)");
        const struct config_domain *signs = config_find_domain(c, bytes_str(d));
        if (signs != NULL && strcmp(signs->domain, d) == 0)
            return config_bad(why, file, "check.non-sending", d, "is under domains: too, and so sends mail");
    }
    return ZEGEL_OK;
}

int config_check(struct config *c, const char *file, struct buf *why)
{
    int err = ZEGEL_OK;
    if (!set_default(&c->state, CONFIG_DEFAULT_STATE))
        return ZEGEL_ERR_NOMEM;
    if (c->state[0] != '/')
        return config_bad(why, file, "state", c->state, "must be an absolute path");
    if (c->dns.resolver != NULL && c->dns.resolver[0] != '/')
        return config_bad(why, file, "dns.resolver", c->dns.resolver, "must be an absolute path");
    if ((err = status_check(c, file, why)) != ZEGEL_OK)
        return err;
    if (c->dns.update.server != NULL)
        err = check_update(&c->dns.update, NULL, file, why);
    if (err == ZEGEL_OK)
        err = check_nodes(c, file, why);
    for (unsigned i = 0; i < c->tokens_count && err == ZEGEL_OK; i++)
        err = token_check(c, i, file, why);
    for (unsigned i = 0; i < c->listen_count && err == ZEGEL_OK; i++)
        err = check_listen(c->listen[i], file, why);
    for (unsigned i = 0; i < c->trusted_networks_count && err == ZEGEL_OK; i++) {
        struct network n;
        if (!network_parse(c->trusted_networks[i], &n))
            err = config_bad(why, file, "trusted-networks", c->trusted_networks[i],
                             "must be an address or a network like 192.0.2.0/24");
    }
    for (unsigned i = 0; i < c->domains_count && err == ZEGEL_OK; i++)
        if ((err = check_domain(c, &c->domains[i], file, why)) == ZEGEL_OK && c->domains[i].update != NULL)
            err = check_update(c->domains[i].update, c->domains[i].domain, file, why);
    if (err == ZEGEL_OK)
        err = rotation_check(c, file, why);
    if (err == ZEGEL_OK)
        err = check_audit(c, file, why);
    if (err == ZEGEL_OK && c->domains_count == 0)
        err = check_check(c, file, why);
    if (err != ZEGEL_OK || c->domains_count == 0)
        return err;
    qsort(c->domains, c->domains_count, sizeof *c->domains, by_domain);
    for (unsigned i = 1; i < c->domains_count; i++)
        if (strcmp(c->domains[i - 1].domain, c->domains[i].domain) == 0)
            return config_bad(why, file, "domains.domain", c->domains[i].domain, "stands there twice");
    err = check_check(c, file, why);
    if (err == ZEGEL_OK)
        err = limits_check(c, file, why);
    return err == ZEGEL_OK ? senders_check(c, file, why) : err;
}

static int compare(struct bytes want, const char *have)
{
    for (size_t i = 0; i < want.len; i++) {
        int diff = (int)ascii_lower(want.data[i]) - (int)(uint8_t)have[i]; /* have's NUL ends the loop: it differs */
        if (diff != 0)
            return diff;
    }
    return have[want.len] == '\0' ? 0 : -1;
}

const struct config_domain *config_domain_exact(const struct config *c, struct bytes domain)
{
    size_t low = 0, high = c->domains_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int diff = compare(domain, c->domains[mid].domain);
        if (diff == 0)
            return &c->domains[mid];
        if (diff < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
