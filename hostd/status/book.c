#include "status/book.h"

#include <stdio.h>

static const struct figures nothing;

void book_set_config(struct book *b, struct config *c)
{
    config_free(b->config);
    b->config = c;
}

static struct book_page *find(struct book *b, const char *program, const char *name)
{
    for (unsigned i = 0; i < b->count; i++)
        if (strcmp(b->pages[i].program, program) == 0 && strcmp(b->pages[i].name, name) == 0)
            return &b->pages[i];
    return NULL;
}

void book_add(struct book *b, const char *name, int fd)
{
    struct book_page fresh = {.figures = figures_map(fd)};
    const char *space = strchr(name, ' ');
    size_t program = space == NULL ? strlen(name) : (size_t)(space - name);
    if (fresh.figures == NULL || program >= sizeof fresh.program)
        return;
    memcpy(fresh.program, name, program);
    (void)snprintf(fresh.name, sizeof fresh.name, "%s", space == NULL ? "" : space + 1);
    struct book_page *at = find(b, fresh.program, fresh.name);
    if (at == NULL && b->count == FIGURES_PROCESSES) {
        figures_unmap(fresh.figures);
        return;
    }
    if (at == NULL)
        at = &b->pages[b->count++];
    else
        figures_unmap(at->figures);
    *at = fresh;
}

const struct figures *book_page(const struct book *b, const char *program, const char *name)
{
    for (unsigned i = 0; i < b->count; i++)
        if (strcmp(b->pages[i].program, program) == 0 && strcmp(b->pages[i].name, name) == 0)
            return b->pages[i].figures;
    return &nothing;
}

struct book_total book_total(const struct book *b)
{
    struct book_total t = {0};
    for (unsigned i = 0; i < b->count; i++) {
        const _Atomic uint64_t *n = b->pages[i].figures->counter;
        if (strcmp(b->pages[i].program, "zegel-milter") != 0)
            continue;
        t.signed_ += book_read(&n[FIGURE_SIGNED]);
        t.refused += book_read(&n[FIGURE_MALFORMED]) + book_read(&n[FIGURE_FORBIDDEN]);
        t.tempfailed += book_read(&n[FIGURE_TEMPFAILED]);
        t.unsigned_ += book_read(&n[FIGURE_UNSIGNED]);
    }
    return t;
}

void book_tick(struct book *b, int64_t now_ms)
{
    if (now_ms < b->minute_ms)
        return;
    b->minute_ms = now_ms + 60000;
    memmove(b->minutes + 1, b->minutes, BOOK_MINUTES * sizeof b->minutes[0]);
    b->minutes[0] = book_total(b);
    if (b->minutes_count <= BOOK_MINUTES)
        b->minutes_count++;
}

const struct config_domain *book_domain(const struct book *b, unsigned i)
{
    const struct figure_domain *d = &book_page(b, "zegel-signer", "")->domain[i];
    if (atomic_load_explicit(&d->used, memory_order_acquire) == 0)
        return NULL;
    struct bytes name = bytes_of(d->name, strnlen(d->name, sizeof d->name));
    const struct config_domain *found = config_find_domain(b->config, name);
    return found != NULL && bytes_eq(bytes_str(found->domain), name) ? found : NULL;
}

void book_signatures(const struct book *b, const struct config_domain *d, uint64_t *rsa, uint64_t *ed25519)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    *rsa = *ed25519 = 0;
    for (unsigned i = 0; i < FIGURES_DOMAINS; i++)
        if (book_domain(b, i) == d) {
            *rsa = book_read(&f->domain[i].rsa);
            *ed25519 = book_read(&f->domain[i].ed25519);
        }
}

static void worker_name(const struct book *b, unsigned token, unsigned worker, char out[FIGURES_NAME_MAX + 1])
{
    (void)snprintf(out, FIGURES_NAME_MAX + 1, "%s/%u", b->config->tokens[token].name, worker);
}

/* zegeld's own page: it can be believed. */
const struct figure_process *book_process(const struct book *b, unsigned i)
{
    const struct figure_process *p = &book_page(b, "zegeld", "")->process[i];
    if (atomic_load_explicit(&p->used, memory_order_acquire) == 0)
        return NULL;
    bool named = p->name[0] == '\0';
    for (unsigned t = 0; t < b->config->tokens_count && !named; t++)
        for (unsigned w = 0; w < b->config->tokens[t].workers_n && !named; w++) {
            char name[FIGURES_NAME_MAX + 1];
            worker_name(b, t, w, name);
            named = strcmp(p->name, name) == 0;
        }
    for (unsigned l = 0; l < b->config->listen_count && !named; l++)
        named = strcmp(p->name, b->config->listen[l]) == 0;
    return named ? p : NULL;
}

static bool is_up(const struct book *b, const char *program, const char *name)
{
    const struct figures *f = book_page(b, "zegeld", "");
    for (unsigned i = 0; i < FIGURES_PROCESSES; i++) {
        const struct figure_process *p = &f->process[i];
        if (atomic_load_explicit(&p->used, memory_order_acquire) != 0 && strcmp(p->program, program) == 0 &&
            strcmp(p->name, name) == 0)
            return atomic_load_explicit(&p->ready, memory_order_relaxed) != 0;
    }
    return false;
}

const struct figures *book_worker(const struct book *b, unsigned token, unsigned worker)
{
    char name[FIGURES_NAME_MAX + 1];
    worker_name(b, token, worker, name);
    return book_page(b, "zegel-token", name);
}

const char *book_worker_state(const struct book *b, unsigned token, unsigned worker)
{
    char name[FIGURES_NAME_MAX + 1];
    int64_t state = book_gauge(book_worker(b, token, worker), FIGURE_TOKEN_STATE);
    worker_name(b, token, worker, name);
    if (!is_up(b, "zegel-token", name))
        return "starting";
    return state > 0 && state < FIGURES_REASONS ? book_reason((unsigned)state) : state == 0 ? "ready" : "other";
}

const char *book_worker_module(const struct book *b, unsigned token, unsigned worker)
{
    const struct config_token *t = &b->config->tokens[token];
    bool other = t->prefer.module == NULL || book_gauge(book_worker(b, token, worker), FIGURE_TOKEN_FALLBACK) != 0;
    return other ? t->module : t->prefer.module;
}

uint64_t book_observations(const struct figure_histogram *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; i <= FIGURES_BUCKETS; i++)
        n += book_read(&h->bucket[i]);
    return n;
}

int64_t book_quantile_us(const struct figure_histogram *h, unsigned per_mille)
{
    uint64_t n = book_observations(h), below = 0, rank = n - n * (1000 - per_mille) / 1000;
    for (unsigned i = 0; i < FIGURES_BUCKETS && n > 0; i++)
        if ((below += book_read(&h->bucket[i])) >= rank)
            return figures_bounds_us[i];
    return -1;
}

const char *book_reason(unsigned err)
{
    static const char *const words[FIGURES_REASONS] = {"other",   "no-memory",     "usage",     "configuration", "system",
                                                       "timeout", "process-gone",  "malformed", "too-big",       "policy",
                                                       "limit",   "token-gone",    "key-gone",  "key-unusable",  "pin",
                                                       "module",  "bad-signature", "exists",    "not-found"};
    return err < FIGURES_REASONS && words[err] != NULL ? words[err] : "other";
}
