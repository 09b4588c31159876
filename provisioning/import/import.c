#include "import/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *import_fate_name(enum import_fate f)
{
    static const char *const names[] = {"carried", "not needed", "NOT CARRIED"};
    return names[f];
}

void import_say(struct import *im, enum import_fate fate, struct import_place at, const char *what, const char *fmt, ...)
{
    va_list args;
    struct import_line l = {.fate = fate, .line = at.line};
    struct import_line *more = im->lines_count % 64 != 0 ? im->lines : realloc(im->lines, (im->lines_count + 64) * sizeof *more);
    if (more != NULL)
        im->lines = more;
    va_start(args, fmt);
    if (vasprintf(&l.why, fmt, args) < 0)
        l.why = NULL;
    va_end(args);
    l.file = strdup(at.file);
    l.what = strdup(what);
    if (more != NULL && l.file != NULL && l.what != NULL && l.why != NULL) {
        im->lines[im->lines_count++] = l;
        return;
    }
    im->failed = true;
    free(l.file);
    free(l.what);
    free(l.why);
}

bool import_add_text(struct import *im, char ***list, unsigned *count, const char *text)
{
    char *copy = strdup(text), **more = realloc(*list, (*count + 1) * sizeof *more);
    if (more != NULL)
        *list = more;
    if (copy == NULL || more == NULL) {
        free(copy);
        im->failed = true;
        return false;
    }
    more[(*count)++] = copy;
    return true;
}

bool import_has_text(char *const *list, unsigned count, const char *text)
{
    for (unsigned i = 0; i < count; i++)
        if (strcasecmp(list[i], text) == 0)
            return true;
    return false;
}

/* Sorted by name, so that a million of them can be found. Where it is, or where it belongs. */
static unsigned place_of(const struct import *im, const char *domain, bool *there)
{
    unsigned low = 0, high = im->domains_count;
    *there = false;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int diff = strcasecmp(im->domains[middle].domain, domain);
        if (diff == 0) {
            *there = true;
            return middle;
        }
        if (diff < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct import_domain *import_domain_find(struct import *im, const char *domain)
{
    bool there;
    unsigned at = place_of(im, domain, &there);
    return there ? &im->domains[at] : NULL;
}

struct import_domain *import_domain_add(struct import *im, const char *domain)
{
    bool there;
    unsigned at = place_of(im, domain, &there);
    if (there)
        return &im->domains[at];
    struct import_domain *more =
        im->domains_count % 256 != 0 ? im->domains : realloc(im->domains, (im->domains_count + 256) * sizeof *more);
    char *name = strdup(domain);
    if (more != NULL)
        im->domains = more;
    if (more == NULL || name == NULL) {
        free(name);
        im->failed = true;
        return NULL;
    }
    memmove(&more[at + 1], &more[at], (im->domains_count++ - at) * sizeof *more);
    for (char *p = name; *p != '\0'; p++)
        *p = (char)ascii_lower((uint8_t)*p);
    more[at] = (struct import_domain){.domain = name};
    return &more[at];
}

void import_selector_add(struct import *im, struct import_domain *d, const char *selector)
{
    if (d != NULL && !import_has_text(d->old_selectors, d->old_count, selector))
        (void)import_add_text(im, &d->old_selectors, &d->old_count, selector);
}

bool import_is_true(const char *value)
{
    return value[0] != '\0' && strchr("tTyY1", value[0]) != NULL;
}

const char *import_canonicalization(const char *value)
{
    static const struct {
        const char *said, *meant;
    } all[] = {{"simple", "simple/simple"},          {"relaxed", "relaxed/simple"},
               {"simple/simple", "simple/simple"},   {"simple/relaxed", "simple/relaxed"},
               {"relaxed/simple", "relaxed/simple"}, {"relaxed/relaxed", "relaxed/relaxed"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcasecmp(value, all[i].said) == 0)
            return all[i].meant;
    return NULL;
}

unsigned import_count(const struct import *im, enum import_fate fate)
{
    unsigned n = 0;
    for (unsigned i = 0; i < im->lines_count; i++)
        n += im->lines[i].fate == fate;
    return n;
}

static void free_texts(char **list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void import_clear(struct import *im)
{
    for (unsigned i = 0; i < im->lines_count; i++) {
        free(im->lines[i].file);
        free(im->lines[i].what);
        free(im->lines[i].why);
    }
    free(im->lines);
    for (unsigned i = 0; i < im->domains_count; i++) {
        free(im->domains[i].domain);
        free(im->domains[i].identity);
        free_texts(im->domains[i].old_selectors, im->domains[i].old_count);
    }
    free(im->domains);
    free_texts(im->networks, im->networks_count);
    free_texts(im->sign, im->sign_count);
    free_texts(im->oversign, im->oversign_count);
    *im = (struct import){0};
}
