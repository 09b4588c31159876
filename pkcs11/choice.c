#include "pkcs11/choice.h"

#include "base/err.h"

static void close_both(struct module **m, struct token **t)
{
    token_close(*t);
    module_close(*m);
    *t = NULL;
    *m = NULL;
}

static int open_one(const struct choice_way *way, const struct token_config *cfg, struct module **m, struct token **t,
                    struct buf *why)
{
    struct token_config own = *cfg;
    own.uri = way->uri;
    *t = NULL;
    int err = module_open(way->module, way->sha256, m, why);
    if (err == ZEGEL_OK)
        err = token_open(*m, &own, t, why);
    if (err != ZEGEL_OK)
        close_both(m, t);
    return err;
}

bool choice_preferred_is_there(const struct choice *c, const struct token_config *cfg)
{
    struct buf ignored = BUF_INIT;
    struct module *m;
    struct token *t;
    bool there = open_one(&c->preferred, cfg, &m, &t, &ignored) == ZEGEL_OK;
    close_both(&m, &t);
    buf_free(&ignored);
    return there;
}

int choice_open(const struct choice *c, const struct token_config *cfg, struct module **m, struct token **t, bool *preferred,
                struct buf *why)
{
    *preferred = c->preferred.module != NULL;
    if (!*preferred)
        return open_one(&c->other, cfg, m, t, why);
    int err = open_one(&c->preferred, cfg, m, t, why);
    if (err != ZEGEL_ERR_TOKEN_GONE)
        return err;
    buf_add_str(why, "; ");
    err = open_one(&c->other, cfg, m, t, why);
    if (err != ZEGEL_OK)
        return err;
    /* It may have come between the two looks: then it was there for the preferred one too. */
    *preferred = choice_preferred_is_there(c, cfg);
    buf_clear(why);
    if (!*preferred)
        return ZEGEL_OK;
    close_both(m, t);
    return open_one(&c->preferred, cfg, m, t, why);
}
