#include "import/signing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dkim/domain.h"

/* Whom an entry is for. Sorted in this order: the first two kinds are looked for. */
enum whom { DOMAIN, BELOW, ANYBODY, ONE_ADDRESS, NO_DOMAIN, NOBODY };

struct rule {
    enum whom whom;
    const char *domain; /* DOMAIN, BELOW, ONE_ADDRESS; into the entry */
    const struct dataset_entry *entry;
    size_t order;  /* in the table */
    bool used;     /* it signs for something that is carried */
    char *refused; /* why it is not carried; NULL: nothing was said yet */
};

struct look {
    struct import *im;
    const struct signing *s;
    struct rule *rules; /* by whom, domain, order */
    size_t count;
    struct rule *anybody[64]; /* in their order */
    size_t anybody_count;
};

/* ---- the key behind an entry ---- */

struct key {
    char domain[256], selector[256];
};

/* "%" stands for the domain of From. */
static void fill(char out[256], struct bytes text, const char *from)
{
    if (bytes_eq(text, BYTES_LIT("%")))
        (void)snprintf(out, 256, "%s", from);
    else
        (void)snprintf(out, 256, "%.*s", (int)(text.len < 255 ? text.len : 255), (const char *)text.data);
}

/* The first field of an entry's value. */
static struct bytes first(const char *value)
{
    return bytes_slice(bytes_str(value), 0, bytes_find(bytes_str(value), ':'));
}

static int by_key(const void *a, const void *b)
{
    const struct dataset_entry *x = a, *y = b;
    int diff = strcmp(x->key, y->key);
    return diff != 0 ? diff : x->line < y->line ? -1 : x->line > y->line;
}

/* The first of this name, as OpenDKIM takes it. */
static const struct dataset_entry *find_key(const struct dataset *keys, const char *name)
{
    size_t low = 0, high = keys == NULL ? 0 : keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(keys->entries[middle].key, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return keys != NULL && low < keys->count && strcmp(keys->entries[low].key, name) == 0 ? &keys->entries[low] : NULL;
}

/* The keys that an entry signs with for `from`: at most one of each table. */
static unsigned keys_of(const struct look *l, const struct rule *r, const char *from, struct key out[2])
{
    char name[256];
    unsigned n = 0;
    fill(name, first(r->entry->value), from);
    for (unsigned t = 0; t < 2; t++) {
        const struct dataset_entry *k = find_key(l->s->keys[t], name);
        if (k == NULL)
            continue;
        struct bytes value = bytes_str(k->value), domain = first(k->value);
        struct bytes rest = bytes_slice(value, domain.len + 1, value.len);
        fill(out[n].domain, domain, from);
        fill(out[n++].selector, bytes_slice(rest, 0, bytes_find(rest, ':')), from);
    }
    return n;
}

/* ---- reading entries ---- */

static bool is_domain(const char *d)
{
    return strchr(d, '.') != NULL && domain_is_valid(bytes_str(d));
}

/* refile: the whole address against a pattern. */
static enum whom whom_of_pattern(const char *p, const char **domain)
{
    const char *at = strrchr(p, '@');
    *domain = at == NULL ? "" : at + 1;
    if (strcmp(p, "*") == 0 || strcmp(p, "*@*") == 0)
        return ANYBODY;
    if (strncmp(p, "*@*.", 4) == 0 && at == p + 1 && is_domain(at + 3)) {
        *domain = at + 3;
        return BELOW;
    }
    if (at == NULL || !is_domain(at + 1))
        return strchr(p, '*') == NULL ? NOBODY : NO_DOMAIN;
    return at == p + 1 && p[0] == '*' ? DOMAIN : ONE_ADDRESS;
}

/* Other tables: the address, its host, .DOMAIN above it, user@*, *. */
static enum whom whom_of_key(const char *k, const char **domain)
{
    const char *at = strrchr(k, '@');
    *domain = at == NULL ? k + (k[0] == '.') : at + 1;
    if (strcmp(k, "*") == 0)
        return ANYBODY;
    if (at != NULL)
        return ONE_ADDRESS;
    if (!is_domain(*domain))
        return strchr(k, '*') == NULL ? NOBODY : NO_DOMAIN;
    return k[0] == '.' ? BELOW : DOMAIN;
}

static int by_whom(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    if (x->whom != y->whom)
        return x->whom < y->whom ? -1 : 1;
    int diff = strcasecmp(x->domain, y->domain);
    return diff != 0 ? diff : x->order < y->order ? -1 : 1;
}

/* The first rule for this, or NULL; those behind it in the array may be for the same. */
static struct rule *find_rule(const struct look *l, enum whom whom, const char *domain)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct rule *r = &l->rules[middle];
        int diff = r->whom != whom ? (r->whom < whom ? -1 : 1) : strcasecmp(r->domain, domain);
        if (diff < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct rule *r = low < l->count ? &l->rules[low] : NULL;
    return r != NULL && r->whom == whom && strcasecmp(r->domain, domain) == 0 ? r : NULL;
}

/* ---- who signs ---- */

enum { MATCHES_MAX = 256 };

struct matches {
    struct rule *rules[MATCHES_MAX];
    unsigned count;
};

static void match(const struct look *l, struct matches *m, enum whom whom, const char *domain)
{
    struct rule *r = find_rule(l, whom, domain);
    for (; r != NULL && r < l->rules + l->count && r->whom == whom && strcasecmp(r->domain, domain) == 0; r++)
        if (m->count < MATCHES_MAX)
            m->rules[m->count++] = r;
}

static int by_order(const void *a, const void *b)
{
    const struct rule *x = *(struct rule *const *)a, *y = *(struct rule *const *)b;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The domain above, or NULL. */
static const char *parent(const char *domain)
{
    const char *dot = strchr(domain, '.');
    return dot == NULL ? NULL : dot + 1;
}

/* The rules that sign mail of any address of `domain` (below: of what is below it), as OpenDKIM finds them. */
static void find_matches(const struct look *l, const char *domain, bool below, struct matches *m)
{
    m->count = 0;
    if (!below)
        match(l, m, DOMAIN, domain);
    for (const char *up = below ? domain : parent(domain); up != NULL; up = parent(up))
        match(l, m, BELOW, up);
    for (size_t i = 0; i < l->anybody_count && m->count < MATCHES_MAX; i++)
        m->rules[m->count++] = l->anybody[i];
    if (l->s->table->patterns)
        qsort(m->rules, m->count, sizeof(struct rule *), by_order);
    if (!l->s->all && m->count > 1)
        m->count = 1;
}

static void refuse(struct look *l, struct rule *r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void refuse(struct look *l, struct rule *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (r->refused == NULL && vasprintf(&r->refused, fmt, args) < 0) {
        r->refused = NULL;
        l->im->failed = true;
    }
    va_end(args);
}

/* May it stand between quotes in zegel.yaml? There \ escapes, and a bare CR begins a line. */
static bool is_quotable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\')
            return false;
    return true;
}

/* i= for the whole domain: what stands behind the key's name. */
static void take_identity(struct look *l, struct rule *r, struct import_domain *d)
{
    const char *colon = strchr(r->entry->value, ':');
    if (colon == NULL || colon[1] == '\0')
        return;
    const char *at = strrchr(colon + 1, '@');
    if (!is_quotable(colon + 1))
        refuse(l, r, "its i= has characters that are not carried: see identity:");
    else if (d->identity == NULL && at != NULL && strcasecmp(at + 1, d->domain) == 0 && strchr(colon, '%') == NULL) {
        d->identity = strdup(colon + 1);
        l->im->failed = l->im->failed || d->identity == NULL;
    } else if (d->identity == NULL || strcasecmp(d->identity, colon + 1) != 0)
        refuse(l, r, "its i= cannot be the same for all mail of %s", d->domain);
}

/* Does `domain` (below: what is below it) get a signature with d=`as`? Its rules are told what comes of them. */
static bool signs_as(struct look *l, const char *domain, bool below, const char *as, struct import_domain *into)
{
    struct matches m;
    struct key keys[2];
    bool signs = false;
    find_matches(l, domain, below, &m);
    for (unsigned i = 0; i < m.count; i++) {
        struct rule *r = m.rules[i];
        unsigned n = keys_of(l, r, domain, keys);
        if (n == 0)
            refuse(l, r, "KeyTable has no key of that name");
        for (unsigned k = 0; k < n; k++) {
            if (strcasecmp(keys[k].domain, as) != 0) {
                refuse(l, r, "signs mail of %s%s with d=%s: Zegel signs a domain as itself", below ? "subdomains of " : "",
                       domain, keys[k].domain);
                continue;
            }
            signs = r->used = true;
            import_selector_add(l->im, into, keys[k].selector);
            if (into != NULL)
                take_identity(l, r, into);
        }
    }
    return signs;
}

static bool would_sign_as(struct look *l, const char *domain, bool below, const char *as)
{
    struct matches m;
    struct key keys[2];
    bool signs = false;
    find_matches(l, domain, below, &m);
    for (unsigned i = 0; i < m.count; i++)
        for (unsigned n = keys_of(l, m.rules[i], domain, keys), k = 0; k < n; k++)
            signs = signs || strcasecmp(keys[k].domain, as) == 0;
    return signs;
}

static bool is_exempt(const struct look *l, const char *domain)
{
    for (size_t i = 0; l->s->exempt != NULL && i < l->s->exempt->count; i++)
        if (domain_is_within(bytes_str(l->s->exempt->entries[i].key), bytes_str(domain)))
            return true;
    return false;
}

/* One domain that the tables name. */
static void try_domain(struct look *l, const char *domain)
{
    if (import_domain_find(l->im, domain) != NULL)
        return;
    if (is_exempt(l, domain)) {
        struct rule *r = find_rule(l, DOMAIN, domain);
        if (r != NULL)
            refuse(l, r, "ExemptDomains names it, or a subdomain of it: Zegel could not leave that out");
        return;
    }
    if (would_sign_as(l, domain, false, domain))
        (void)signs_as(l, domain, false, domain, import_domain_add(l->im, domain));
}

/* Mail of `domain` goes unsigned (exempt), or signed by another: no domain above it may take it along with its subdomains. */
static void keep_from_parents(struct look *l, const char *domain, bool exempt)
{
    for (const char *up = parent(domain); up != NULL; up = parent(up)) {
        struct import_domain *d = import_domain_find(l->im, up);
        if (d == NULL || !d->subdomains || (!exempt && would_sign_as(l, domain, false, d->domain)))
            continue;
        d->subdomains = false;
        struct rule *r = find_rule(l, BELOW, d->domain);
        if (r != NULL) {
            r->used = false;
            refuse(l, r, "%s below it is signed otherwise, and Zegel could not leave that out", domain);
        }
    }
}

static void try_below(struct look *l, struct rule *r)
{
    struct import_domain *d = import_domain_find(l->im, r->domain);
    if (d == NULL && would_sign_as(l, r->domain, true, r->domain))
        refuse(l, r, "%s itself is not signed so, and Zegel signs subdomains together with their domain", r->domain);
    else if (d != NULL && signs_as(l, r->domain, true, d->domain, d))
        d->subdomains = true;
}

/* A rule for a domain that is not carried by itself may be by a parent's subdomains. */
static void try_parents(struct look *l, struct rule *r)
{
    for (const char *up = parent(r->domain); up != NULL; up = parent(up)) {
        struct import_domain *d = import_domain_find(l->im, up);
        if (d != NULL && d->subdomains && signs_as(l, r->domain, false, d->domain, d))
            return;
    }
}

/* "*" signs for every domain. Those that have a key by their own name ("%"), or with their own d=, can be carried. */
static void try_key(struct look *l, const struct dataset_entry *k)
{
    char domain[256];
    fill(domain, first(k->value), k->key);
    if (is_domain(k->key))
        try_domain(l, k->key);
    if (is_domain(domain))
        try_domain(l, domain);
}

static void try_all(struct look *l)
{
    for (size_t i = 0; i < l->count && l->rules[i].whom == DOMAIN; i++)
        try_domain(l, l->rules[i].domain);
    for (unsigned t = 0; l->anybody_count > 0 && t < 2; t++)
        for (size_t k = 0; l->s->keys[t] != NULL && k < l->s->keys[t]->count; k++)
            try_key(l, &l->s->keys[t]->entries[k]);
    for (size_t i = 0; i < l->count; i++)
        if (l->rules[i].whom == BELOW)
            try_below(l, &l->rules[i]);
    for (size_t i = 0; i < l->count && l->rules[i].whom == DOMAIN; i++)
        if (!l->rules[i].used)
            keep_from_parents(l, l->rules[i].domain, false);
    for (size_t i = 0; i < l->count && l->rules[i].whom == DOMAIN; i++)
        if (!l->rules[i].used)
            try_parents(l, &l->rules[i]);
    for (size_t i = 0; l->s->exempt != NULL && i < l->s->exempt->count; i++)
        keep_from_parents(l, l->s->exempt->entries[i].key, true);
}

/* ---- what is said ---- */

/* One address: the same domain's key signs it anyway? Then nothing is lost. */
static void judge_address(struct look *l, struct rule *r)
{
    struct key keys[2];
    struct import_domain *d = import_domain_find(l->im, r->domain);
    unsigned n = is_domain(r->domain) ? keys_of(l, r, r->domain, keys) : 0;
    if (d != NULL && n > 0 && strcasecmp(keys[0].domain, d->domain) == 0) {
        r->used = true;
        import_selector_add(l->im, d, keys[0].selector);
    } else {
        refuse(l, r, "is for one address, or some: Zegel signs all mail of a domain or none");
    }
}

static void judge(struct look *l, struct rule *r)
{
    switch (r->whom) {
    case ONE_ADDRESS: judge_address(l, r); break;
    case ANYBODY:
        if (!bytes_eq(first(r->entry->value), BYTES_LIT("%")))
            refuse(l, r, "is for every domain: name those that are yours");
        break;
    case NO_DOMAIN:
        refuse(l, r, "the pattern is for no one domain: *%s also fits domains of others", strrchr(r->entry->key, '*') + 1);
        break;
    case NOBODY: refuse(l, r, "fits no address"); break;
    case DOMAIN:
    case BELOW:
        if (!r->used) /* says why */
            (void)signs_as(l, r->domain, r->whom == BELOW, r->domain, NULL);
        break;
    }
}

static void report(struct look *l, struct rule *r)
{
    struct import_place at = {l->s->table->file, r->entry->line};
    if (r->refused != NULL)
        import_say(l->im, IMPORT_NOT_CARRIED, at, r->entry->key, "%s", r->refused);
    else if (r->used)
        import_say(l->im, IMPORT_CARRIED, at, r->entry->key, "signed with new keys");
    else
        import_say(l->im, IMPORT_NOT_CARRIED, at, r->entry->key,
                   "nothing comes to it: an entry before it fits, or Zegel cannot say it");
}

static int by_line(const void *a, const void *b)
{
    return ((const struct rule *)a)->order < ((const struct rule *)b)->order ? -1 : 1;
}

void signing_import(struct import *im, const struct signing *s)
{
    struct look l = {.im = im, .s = s, .rules = calloc(s->table->count + 1, sizeof *l.rules), .count = s->table->count};
    if (l.rules == NULL) {
        im->failed = true;
        return;
    }
    for (unsigned t = 0; t < 2; t++)
        if (s->keys[t] != NULL)
            qsort(s->keys[t]->entries, s->keys[t]->count, sizeof s->keys[t]->entries[0], by_key);
    for (size_t i = 0; i < l.count; i++) {
        struct rule *r = &l.rules[i];
        *r = (struct rule){.entry = &s->table->entries[i], .order = i};
        r->whom = s->table->patterns ? whom_of_pattern(r->entry->key, &r->domain) : whom_of_key(r->entry->key, &r->domain);
    }
    qsort(l.rules, l.count, sizeof l.rules[0], by_whom);
    for (size_t i = 0; i < l.count; i++)
        if (l.rules[i].whom == ANYBODY && l.anybody_count < sizeof l.anybody / sizeof l.anybody[0])
            l.anybody[l.anybody_count++] = &l.rules[i];
    try_all(&l);
    for (size_t i = 0; i < l.count; i++)
        judge(&l, &l.rules[i]);
    qsort(l.rules, l.count, sizeof l.rules[0], by_line);
    for (size_t i = 0; i < l.count; i++) {
        report(&l, &l.rules[i]);
        free(l.rules[i].refused);
    }
    free(l.rules);
}
