/* cmd_ceremony: what the commands of zegel ceremony share. */
#ifndef ZEGEL_CMD_CEREMONY_H
#define ZEGEL_CMD_CEREMONY_H

#include "ceremony/transcript.h"
#include "cmd.h"

/* Where refused PINs are remembered: made when missing. */
void ceremony_latch_dir(const struct cmd_options *o, struct buf *dir);

struct ceremony_pin {
    const char *name, *source; /* of the token, for the prompt; as config_token.pin, or of shares; NULL: prompt */
};
/* Shaped for run_options.pin; `arg` is a struct ceremony_pin. */
int ceremony_ask_pin(void *arg, struct buf *pin, struct buf *why);
/* Is that a source of shares: "shares" (typed at the terminal), or "shares:FILE,FILE..."? */
bool ceremony_is_shares(const char *source);
/* The PIN out of them, which nobody sees; ZEGEL_ERR_REFUSED when they make none. */
int ceremony_read_shares(const char *name, const char *source, struct buf *pin, struct buf *why);

/* PREFIX-NAME.p7s: `p` signs `content` with the card that the options name. */
int ceremony_sign_as(const struct transcript *t, const struct plan_person *p, const struct cmd_options *o, const char *prefix,
                     struct bytes content, struct buf *why);
/* zegel ceremony approve. */
int ceremony_approve(const struct transcript *t, const struct cmd_options *o, struct buf *why);

#endif
