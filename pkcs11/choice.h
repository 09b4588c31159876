/* choice: a token that two modules may reach. The preferred one is asked first; the other one only when that shows no such token.
 * So a Zegel token is used through its own application, and any other card in that reader through OpenSC. */
#ifndef ZEGEL_CHOICE_H
#define ZEGEL_CHOICE_H

#include "pkcs11/token.h"

/* One way to it: as module_open and token_config have these. */
struct choice_way {
    const char *module, *sha256, *uri;
};

struct choice {
    struct choice_way preferred; /* module NULL: there is but one way */
    struct choice_way other;
};

/* Loads a module and finds the token by it. `cfg->uri` is taken from the way. `*preferred`: it was the preferred one. Only a
 * preferred module that works and shows no such token gives way: a broken one is an error. On failure nothing is open; else the
 * caller closes token and module. Errors as module_open and token_open. */
int choice_open(const struct choice *c, const struct token_config *cfg, struct module **m, struct token **t, bool *preferred,
                struct buf *why);

/* While the other one is in use: has the preferred one become possible? Opens and closes it. */
bool choice_preferred_is_there(const struct choice *c, const struct token_config *cfg);

#endif
