#include "supervisor/taken.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

#define TAKEN_NAME "taken"

/* One domain of the last configuration that all had. The strings are its own. */
struct taken {
    char *domain, *selectors;
    int64_t since_s;
};

bool taken_changed(struct supervisor *s)
{
    char path[PATH_MAX];
    struct stat st = {0};
    bool rotates = false;
    for (unsigned i = 0; i < s->config->domains_count && !rotates; i++)
        rotates = s->config->domains[i].rotation;
    if (!rotates || snprintf(path, sizeof path, "%s/" CONFIG_ACTIVE_NAME, s->config->state) >= (int)sizeof path)
        return false;
    (void)stat(path, &st); /* none: all zero */
    bool changed = st.st_ino != s->active_inode || st.st_mtim.tv_sec != s->active_mtime.tv_sec ||
                   st.st_mtim.tv_nsec != s->active_mtime.tv_nsec;
    s->active_inode = st.st_ino;
    s->active_mtime = st.st_mtim;
    return changed;
}

/* Milters that still end connections count as well: they may sign. */
static bool all_have_it(const struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct child *c = &s->children[i];
        bool signs = c->kind == CHILD_SIGNER || c->kind == CHILD_TOKEN || c->kind == CHILD_MILTER;
        if (signs && c->pid != 0 && c->config_taken != s->config_serial)
            return false;
    }
    return s->announced && s->roll == ROLL_NONE;
}

static char *selectors_of(const struct config_domain *d)
{
    struct buf list = BUF_INIT;
    for (unsigned k = 0; k < d->keys_count; k++)
        buf_addf(&list, "%s%s", k == 0 ? "" : ",", d->keys[k].selector);
    char *copy = list.failed ? NULL : strdup(buf_cstr(&list));
    buf_free(&list);
    return copy;
}

/* Since when: as before, when nothing changed for it. Both lists are in the order of config.domains. */
static int64_t since(const struct supervisor *s, const struct taken *t, unsigned *at)
{
    while (*at < s->taken_count && strcmp(s->taken[*at].domain, t->domain) < 0)
        ++*at;
    bool same = *at < s->taken_count && strcmp(s->taken[*at].domain, t->domain) == 0 &&
                strcmp(s->taken[*at].selectors, t->selectors) == 0;
    return same ? s->taken[*at].since_s : clock_wall_s();
}

static void free_list(struct taken *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(list[i].domain);
        free(list[i].selectors);
    }
    free(list);
}

/* The new list and its text; false when memory is short. */
static bool make_list(const struct supervisor *s, struct taken *list, unsigned *count, struct buf *text)
{
    unsigned at = 0;
    for (unsigned i = 0; i < s->config->domains_count; i++) {
        const struct config_domain *d = &s->config->domains[i];
        if (!d->rotation || d->keys_count == 0)
            continue;
        struct taken *t = &list[(*count)++];
        *t = (struct taken){.domain = strdup(d->domain), .selectors = selectors_of(d)};
        if (t->domain == NULL || t->selectors == NULL)
            return false;
        t->since_s = since(s, t, &at);
        buf_addf(text, "%s %lld %s\n", t->domain, (long long)t->since_s, t->selectors);
    }
    return !text->failed;
}

void taken_note(struct supervisor *s)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    unsigned count = 0;
    if (s->taken_serial == s->config_serial || !all_have_it(s))
        return;
    s->taken_serial = s->config_serial;
    struct taken *list = calloc((size_t)s->config->domains_count + 1, sizeof *list);
    char path[PATH_MAX];
    bool made = list != NULL && make_list(s, list, &count, &text) &&
                snprintf(path, sizeof path, "%s/" TAKEN_NAME, s->config->state) < (int)sizeof path;
    bool needed = count > 0 || s->taken_count > 0;
    if (made && needed && io_replace_file(path, 0600, buf_bytes(&text), &why) != ZEGEL_OK) {
        log_error("%s; zegel rotate waits", buf_cstr(&why));
        made = false;
    }
    if (made) {
        free_list(s->taken, s->taken_count);
        s->taken = list;
        s->taken_count = count;
    } else {
        free_list(list, count);
    }
    buf_free(&text);
    buf_free(&why);
}

void taken_free(struct supervisor *s)
{
    free_list(s->taken, s->taken_count);
}
