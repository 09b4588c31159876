#include "config/senders.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/check.h"
#include "config/network.h"

/* ---- the table ---- */

static struct bytes trim(struct bytes s)
{
    while (s.len > 0 && s.data[0] <= ' ')
        s = bytes_slice(s, 1, s.len);
    while (s.len > 0 && s.data[s.len - 1] <= ' ')
        s.len--;
    return s;
}

static char *copy(struct bytes s)
{
    char *out = malloc(s.len + 1); /* libcyaml frees it with the rest: cyaml_mem is malloc and free */
    if (out != NULL) {
        memcpy(out, s.data, s.len);
        out[s.len] = '\0';
    }
    return out;
}

static bool add_domains(struct config_sender *s, struct bytes list)
{
    while (list.len > 0) {
        size_t comma = bytes_find(list, ',');
        char **more = realloc(s->domains, (s->domains_count + 1) * sizeof(char *));
        if (more == NULL)
            return false;
        s->domains = more;
        if ((more[s->domains_count] = copy(trim(bytes_slice(list, 0, comma)))) == NULL)
            return false;
        s->domains_count++;
        list = bytes_slice(list, comma + 1, list.len);
    }
    return true;
}

static bool add_rule(struct config *c, size_t *room, struct bytes pattern, struct bytes domains)
{
    if (c->senders_count == *room) {
        size_t more = *room * 2 + 64;
        struct config_sender *grown = realloc(c->senders, more * sizeof *grown);
        if (grown == NULL)
            return false;
        c->senders = grown;
        *room = more;
    }
    static const struct bytes envelope = {(const uint8_t *)"envelope:", 9}, network = {(const uint8_t *)"network:", 8};
    struct config_sender *s = &c->senders[c->senders_count++];
    *s = (struct config_sender){.user = NULL};
    bool is_envelope = bytes_has_prefix(pattern, envelope), is_network = bytes_has_prefix(pattern, network);
    char **part = is_envelope ? &s->envelope : is_network ? &s->network : &s->user;
    *part = copy(bytes_slice(pattern, is_envelope ? envelope.len : is_network ? network.len : 0, pattern.len));
    return *part != NULL && add_domains(s, domains);
}

int senders_add_table(struct config *c, const char *name, struct bytes text, struct buf *why)
{
    size_t room = c->senders_count;
    for (unsigned number = 1; text.len > 0; number++) {
        size_t end = bytes_find(text, '\n');
        struct bytes line = trim(bytes_slice(text, 0, bytes_find(bytes_slice(text, 0, end), '#')));
        text = bytes_slice(text, end + 1, text.len);
        size_t gap = 0;
        while (gap < line.len && line.data[gap] > ' ')
            gap++;
        if (line.len == 0)
            continue;
        if (gap == line.len) {
            buf_addf(why, "%s:%u: a line is PATTERN DOMAIN[,DOMAIN...]", name, number);
            return ZEGEL_ERR_CONFIG;
        }
        if (!add_rule(c, &room, bytes_slice(line, 0, gap), trim(bytes_slice(line, gap, line.len))))
            return ZEGEL_ERR_NOMEM;
    }
    return ZEGEL_OK;
}

/* ---- checking, and order ---- */

/* A name, or "*@" and a domain: found by search. Other patterns are tried one after the other. */
static bool is_plain(const char *pattern)
{
    return pattern != NULL && strpbrk(strncmp(pattern, "*@", 2) == 0 ? pattern + 2 : pattern, "*?[\\") == NULL;
}

enum order { BY_USER, BY_ENVELOPE, IN_TURN };

static enum order order_of(const struct config_sender *s)
{
    if (is_plain(s->user))
        return BY_USER;
    return s->user == NULL && is_plain(s->envelope) ? BY_ENVELOPE : IN_TURN;
}

static int in_order(const void *a, const void *b)
{
    const struct config_sender *x = a, *y = b;
    enum order ox = order_of(x), oy = order_of(y);
    if (ox != oy)
        return ox < oy ? -1 : 1;
    return ox == BY_USER ? strcasecmp(x->user, y->user) : ox == BY_ENVELOPE ? strcasecmp(x->envelope, y->envelope) : 0;
}

static bool within_any(const struct network *n, char *const *networks, unsigned count)
{
    struct network trusted;
    for (unsigned i = 0; i < count; i++)
        if (network_parse(networks[i], &trusted) && network_within(n, &trusted))
            return true;
    return false;
}

bool config_trusts(const struct config *c, const struct network *n)
{
    bool trusted = within_any(n, c->trusted_networks, c->trusted_networks_count);
    for (unsigned i = 0; i < c->front_ends_count && !trusted; i++)
        trusted = within_any(n, c->front_ends[i].trusted_networks, c->front_ends[i].trusted_networks_count);
    return trusted;
}

static int check_one(const struct config *c, const struct config_sender *s, const char *file, struct buf *why)
{
    struct network n;
    if (s->user == NULL && s->envelope == NULL && s->network == NULL)
        return config_bad(why, file, "senders.domains", s->domains[0], "needs a user, an envelope or a network that may have it");
    if (s->network != NULL && strcmp(s->network, "local") != 0 && !network_parse(s->network, &n))
        return config_bad(why, file, "senders.network", s->network, "must be an address, a network like 192.0.2.0/24, or local");
    if (s->network != NULL && s->user == NULL && strcmp(s->network, "local") != 0 &&
        !config_trusts(c, &n)) /* a rule that lets it sign would do nothing */
        return config_bad(why, file, "senders.network", s->network, "is not in trusted-networks:, so its mail is not looked at");
    for (unsigned i = 0; i < s->domains_count; i++)
        if (strcmp(s->domains[i], "*") != 0 && config_domain_exact(c, bytes_str(s->domains[i])) == NULL)
            return config_bad(why, file, "senders.domains", s->domains[i], "is not one of domains:");
    return ZEGEL_OK;
}

int senders_check(struct config *c, const char *file, struct buf *why)
{
    int err = ZEGEL_OK;
    for (unsigned i = 0; i < c->senders_count && err == ZEGEL_OK; i++)
        err = check_one(c, &c->senders[i], file, why);
    if (err != ZEGEL_OK || c->senders_count == 0)
        return err;
    qsort(c->senders, c->senders_count, sizeof *c->senders, in_order);
    for (unsigned i = 0; i < c->senders_count; i++) {
        enum order o = order_of(&c->senders[i]);
        c->senders_by_user += o == BY_USER;
        c->senders_by_envelope += o == BY_ENVELOPE;
    }
    return ZEGEL_OK;
}

const struct config_sender *config_find_senders(const struct config *c, enum config_senders_by by, const char *name,
                                                unsigned *count)
{
    unsigned begin = by == CONFIG_BY_USER ? 0 : c->senders_by_user;
    unsigned end = begin + (by == CONFIG_BY_USER ? c->senders_by_user : c->senders_by_envelope), low = begin, high = end;
    while (low < high) { /* the first that is not less */
        unsigned mid = low + (high - low) / 2;
        const struct config_sender *s = &c->senders[mid];
        if (strcasecmp(by == CONFIG_BY_USER ? s->user : s->envelope, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *count = 0;
    while (low + *count < end) {
        const struct config_sender *s = &c->senders[low + *count];
        if (strcasecmp(by == CONFIG_BY_USER ? s->user : s->envelope, name) != 0)
            break;
        (*count)++;
    }
    return c->senders + low;
}
