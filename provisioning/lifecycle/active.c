#include "lifecycle/active.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/io.h"
#include "lifecycle/made.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

/* ---- active.yaml ---- */

static void add_day(const char *name, int64_t t, struct buf *text)
{
    char day[16];
    time_t time = (time_t)t;
    struct tm tm;
    if (t > 0 && gmtime_r(&time, &tm) != NULL && strftime(day, sizeof day, "%Y-%m-%d", &tm) == 10)
        buf_addf(text, ", %s: %s", name, day);
}

/* `g`: its generation. */
static void add_key(const struct config *c, const struct config_domain *d, const struct store_key *k,
                    const struct life_generation *g, struct buf *text)
{
    bool rsa = strncmp(k->algorithm, "rsa", 3) == 0;
    buf_addf(text, "      - {selector: %s, algorithm: %s, key: \"", k->selector, rsa ? "rsa-sha256" : "ed25519-sha256");
    made_uri(c->tokens[d->rotates->token_index].token, d->domain, k, text);
    buf_add_str(text, "\"");
    add_day("since", g->activated_s, text);
    add_day("until", g->activated_s == 0 ? 0 : g->activated_s + d->rotates->seconds[ROTATION_ACTIVE], text);
    buf_add_str(text, "}\n");
}

static int add_domain(struct store *s, const struct config *c, const struct config_domain *d, struct buf *text, struct buf *why)
{
    struct life_domain life;
    struct store_key keys[STORE_KEYS_MAX];
    unsigned count = 0;
    int err = store_load(s, d->domain, &life, why);
    if (err == ZEGEL_OK && life.signing != 0)
        err = store_keys(s, d->domain, life.signing, keys, &count, why);
    if (err == ZEGEL_OK && count > 0)
        buf_addf(text, "  - domain: %s\n    keys:\n", d->domain);
    for (unsigned k = 0; err == ZEGEL_OK && k < count; k++)
        add_key(c, d, &keys[k], life_find(&life, life.signing), text);
    return err;
}

static bool says(const char *path, const struct buf *text)
{
    struct buf is = BUF_INIT, ignored = BUF_INIT;
    bool same = io_read_file(path, FILE_MAX, &is, &ignored) == ZEGEL_OK && bytes_eq(buf_bytes(&is), buf_bytes(text));
    buf_free(&is);
    buf_free(&ignored);
    return same;
}

int active_write(struct store *s, const struct config *c, struct buf *why)
{
    struct buf text = BUF_INIT, path = BUF_INIT;
    unsigned before = 0;
    int err = ZEGEL_OK;
    buf_add_str(&text, "# The keys that sign now. Written by zegel rotate, read by zegeld; not to be edited.\n");
    before = (unsigned)text.len;
    for (unsigned i = 0; i < c->domains_count && err == ZEGEL_OK; i++)
        if (c->domains[i].rotation)
            err = add_domain(s, c, &c->domains[i], &text, why);
    if (text.len == before)
        buf_add_str(&text, "[]\n");
    buf_addf(&path, "%s/" CONFIG_ACTIVE_NAME, c->state);
    if (err == ZEGEL_OK && (text.failed || path.failed))
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK && !says(buf_cstr(&path), &text))
        err = io_replace_file(buf_cstr(&path), 0600, buf_bytes(&text), why);
    buf_free(&text);
    buf_free(&path);
    return err;
}
