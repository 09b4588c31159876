#include <string.h>
#include <sys/stat.h>

#include "cmd.h"
#include "pkcs11/choice.h"

const struct config_token *cmd_find_token(const struct config *c, const char *name)
{
    for (unsigned i = 0; i < c->tokens_count; i++)
        if (name == NULL || strcmp(c->tokens[i].name, name) == 0)
            return &c->tokens[i];
    return NULL;
}

int cmd_token_find(const struct config_token *t, const struct token_config *cfg, struct module **m, struct token **out,
                   struct buf *why)
{
    const struct choice choice = {{t->prefer.module, t->prefer.module_sha256, t->prefer.token},
                                  {t->module, t->module_sha256, t->token}};
    bool preferred;
    return choice_open(&choice, cfg, m, out, &preferred, why);
}

int cmd_token_open(const struct config *c, const struct config_token *t, struct cmd_token *out, struct buf *why)
{
    struct buf pin = BUF_INIT, latch = BUF_INIT;
    *out = (struct cmd_token){NULL, NULL};
    (void)mkdir(c->state, 0700); /* the latch wants it; if it cannot be made, the latch says so */
    buf_addf(&latch, "%s/pin", c->state);
    struct token_config cfg = {
        .name = t->name, .latch_dir = buf_cstr(&latch), .sessions = 2, .pinpad = strcmp(t->pin, "pinpad") == 0};
    int err = cmd_token_find(t, &cfg, &out->module, &out->token, why);
    if (err == ZEGEL_OK)
        err = cmd_read_pin(t, &pin, why);
    if (err == ZEGEL_OK)
        err = token_login(out->token, buf_bytes(&pin), why);
    if (err != ZEGEL_OK)
        cmd_token_close(out);
    buf_free(&pin);
    buf_free(&latch);
    return err;
}

void cmd_token_close(struct cmd_token *t)
{
    token_close(t->token);
    module_close(t->module);
    *t = (struct cmd_token){NULL, NULL};
}
