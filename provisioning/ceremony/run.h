/* run: the ceremony itself, step by step; cut off anywhere, the same call goes on where it stopped. */
#ifndef ZEGEL_CEREMONY_RUN_H
#define ZEGEL_CEREMONY_RUN_H

#include "ceremony/talk.h"
#include "ceremony/transcript.h"

struct run_options {
    struct talk talk;
    const char *latch_dir;
    const char *previous; /* directory of the transcript that the plan continues, NULL for a first ceremony */
    const char *uri;      /* rehearsal: this token of `module` instead of the plan's; no approvals, and the journal says so */
    const char *module;
    /* Asked once, after the approvals were verified and the token was found. */
    int (*pin)(void *arg, struct buf *pin, struct buf *why);
    void *pin_arg;
    const char *backup_uri; /* rehearsal: the token that stands for the plan's backup token */
    void *backup_pin_arg;   /* the same function, asked for the backup token */
};

/* ZEGEL_OK: the journal is closed and response.json is there. */
int run_ceremony(const struct transcript *t, const struct run_options *o, struct buf *why);
#endif
