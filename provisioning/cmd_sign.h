/* cmd_sign: what zegel sign and its --explain share. */
#ifndef ZEGEL_CMD_SIGN_H
#define ZEGEL_CMD_SIGN_H

#include "cmd.h"
#include "message.h"

/* Whose message it is: the From domain's entry, which `domain` (NULL: any) may only confirm. NULL with *bad, a static clause,
 * when it is not to be signed. */
const struct config_domain *cmd_sign_judge(const struct config *c, const struct message *m, const char *domain, const char **bad);

/* zegel sign --explain FILE: what would be signed, with which keys, and what will not survive. Returns the exit code. */
int cmd_sign_explain(const struct config *c, const struct cmd_options *o);

#endif
