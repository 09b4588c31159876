/* cmd_rotate: what the commands of zegel rotate share. */
#ifndef ZEGEL_CMD_ROTATE_H
#define ZEGEL_CMD_ROTATE_H

#include "cmd.h"
#include "lifecycle/store.h"

struct rotate {
    const struct cmd *cmd;
    struct cmd_options opt;
    struct config *config;
    struct store *store;
    struct cmd_token *tokens; /* one for each of config.tokens, opened when it is needed */
    struct buf *token_faults; /* why that failed */
    json_t *json;             /* --json: what is to be printed */
    char who[80];
};

/* Options, configuration, store. False: *code is the exit code. */
bool rotate_open(struct rotate *r, int argc, char **argv, bool write, int *code);
void rotate_close(struct rotate *r);
/* The token of that index, logged in; NULL and a line in `why`. Asked once. */
struct token *rotate_token(void *arg, unsigned index, struct buf *why);
/* Does the command speak of this domain? It has to rotate. */
bool rotate_wanted(const struct rotate *r, const struct config_domain *d);
/* The domain that --domain names, or NULL and the exit code. */
const struct config_domain *rotate_domain(const struct rotate *r, int *code);
/* "2026-11-25 17:00 UTC", "-" for 0. */
void rotate_time(int64_t time_s, char out[32]);

/* What is due for all wanted domains, done. An exit code. */
int rotate_run(struct rotate *r);

#endif
