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
    struct config_sender *s = &c->senders[c->senders_count++];
    *s = (struct config_sender){.user = copy(pattern)};
    return s->user != NULL && add_domains(s, domains);
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
static bool is_plain(const struct config_sender *s)
{
    const char *user = s->user;
    if (user == NULL)
        return false;
    return strpbrk(strncmp(user, "*@", 2) == 0 ? user + 2 : user, "*?[\\") == NULL;
}

static int by_user(const void *a, const void *b)
{
    const struct config_sender *x = a, *y = b;
    bool plain = is_plain(x);
    if (plain != is_plain(y))
        return plain ? -1 : 1;
    return plain ? strcasecmp(x->user, y->user) : 0;
}

static int check_one(const struct config *c, const struct config_sender *s, const char *file, struct buf *why)
{
    struct network n;
    if (s->user == NULL && s->envelope == NULL && s->network == NULL)
        return config_bad(why, file, "senders.domains", s->domains[0], "needs a user, an envelope or a network that may have it");
    if (s->network != NULL && strcmp(s->network, "local") != 0 && !network_parse(s->network, &n))
        return config_bad(why, file, "senders.network", s->network, "must be an address, a network like 192.0.2.0/24, or local");
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
    qsort(c->senders, c->senders_count, sizeof *c->senders, by_user);
    while (c->senders_plain < c->senders_count && is_plain(&c->senders[c->senders_plain]))
        c->senders_plain++;
    return ZEGEL_OK;
}

const struct config_sender *config_find_senders(const struct config *c, const char *user, unsigned *count)
{
    unsigned low = 0, high = c->senders_plain;
    while (low < high) { /* the first that is not less */
        unsigned mid = low + (high - low) / 2;
        if (strcasecmp(c->senders[mid].user, user) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *count = 0;
    while (low + *count < c->senders_plain && strcasecmp(c->senders[low + *count].user, user) == 0)
        (*count)++;
    return c->senders + low;
}
