#include "config/headers.h"

#include <stdlib.h>

#include "base/err.h"
#include "config/check.h"

enum { NAMES_TEXT_MAX = 2048 }; /* octets of a domain's own names: with folds and twice each, h= still fits in DKIM_FIELD_MAX */

static bool is_change(const char *name)
{
    return name[0] == '+' || name[0] == '-';
}

/* Why `name` may not be in a list, or NULL. `list` is all of it. */
static const char *bad_name(const char *name, char **list, unsigned count)
{
    const char *plain = is_change(name) ? name + 1 : name;
    unsigned same = 0;
    if (is_change(name) != is_change(list[0]))
        return "either all names have a + or -, and change the default, or none has";
    if (plain[0] == '\0')
        return "is no header field name (RFC 5322 section 2.2)";
    for (const char *p = plain; *p != '\0'; p++)
        if (*p < 33 || *p > 126 || *p == ':' || *p == ';')
            return "is no header field name that h= can have (RFC 5322 section 2.2)";
    for (unsigned i = 0; i < count; i++)
        same += strcasecmp(is_change(list[i]) ? list[i] + 1 : list[i], plain) == 0;
    if (same > 1)
        return "stands there twice";
    if (name[0] != '-' && select_lists(select_transient, bytes_str(plain)))
        return "changes on the way to the receiver: a signature over it would break (RFC 6376 section 5.4)";
    return NULL;
}

static bool is_removed(char **changes, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (changes[i][0] == '-' && strcasecmp(changes[i] + 1, name) == 0)
            return true;
    return false;
}

/* The names of `def`, without those with a -, then those with a +; in the place of `*list`, as libcyaml allocates. */
static int apply_changes(char ***list, unsigned *count, const char *const *def)
{
    unsigned room = *count + 1, n = 0;
    bool ok = true;
    for (const char *const *d = def; *d != NULL; d++)
        room++;
    char **out = calloc(room, sizeof *out);
    if (out == NULL)
        return ZEGEL_ERR_NOMEM;
    for (const char *const *d = def; *d != NULL && ok; d++)
        if (!is_removed(*list, *count, *d))
            ok = (out[n++] = strdup(*d)) != NULL;
    for (unsigned i = 0; i < *count && ok; i++)
        if ((*list)[i][0] == '+' && !select_lists(def, bytes_str((*list)[i] + 1)))
            ok = (out[n++] = strdup((*list)[i] + 1)) != NULL;
    for (unsigned i = 0; i < *count; i++)
        free((*list)[i]);
    free(*list);
    *list = out;
    *count = n;
    return ok ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
}

/* libcyaml's list gets the NULL that the engine's have. */
static int terminate(char ***list, unsigned count)
{
    char **more = realloc(*list, (count + 1) * sizeof *more);
    if (more == NULL)
        return ZEGEL_ERR_NOMEM;
    more[count] = NULL;
    *list = more;
    return ZEGEL_OK;
}

static int resolve(char ***list, unsigned *count, const char *key, const char *const *def, const char *const **out,
                   const char *file, struct buf *why)
{
    *out = def;
    if (*list == NULL)
        return ZEGEL_OK;
    for (unsigned i = 0; i < *count; i++) {
        const char *bad = bad_name((*list)[i], *list, *count);
        if (bad != NULL)
            return config_bad(why, file, key, (*list)[i], bad);
    }
    int err = *count > 0 && is_change((*list)[0]) ? apply_changes(list, count, def) : terminate(list, *count);
    *out = (const char *const *)*list;
    return err;
}

static size_t octets(const char *const *list)
{
    size_t n = 0;
    for (; *list != NULL; list++)
        n += strlen(*list) + 1;
    return n;
}

int headers_check(struct config_domain *d, const char *file, struct buf *why)
{
    struct select_policy *p = &d->headers;
    int err = resolve(&d->oversign_headers, &d->oversign_headers_count, "domains.oversign-headers", select_default.oversign,
                      &p->oversign, file, why);
    if (err == ZEGEL_OK)
        err = resolve(&d->oversign_present_headers, &d->oversign_present_headers_count, "domains.oversign-present-headers",
                      select_default.oversign_present, &p->oversign_present, file, why);
    if (err == ZEGEL_OK)
        err = resolve(&d->sign_headers, &d->sign_headers_count, "domains.sign-headers", select_default.sign, &p->sign, file, why);
    if (err != ZEGEL_OK)
        return err;
    if (!select_lists(p->oversign, BYTES_LIT("From")))
        return config_bad(why, file, "domains.oversign-headers", d->domain,
                          "must have From: another one could be put above it (RFC 6376 section 8.15)");
    if (octets(p->oversign) + octets(p->oversign_present) + octets(p->sign) > NAMES_TEXT_MAX)
        return config_bad(why, file, "domains.sign-headers", d->domain, "the names of all three lists are over 2048 octets");
    return ZEGEL_OK;
}
