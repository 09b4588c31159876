/* talk: the dialogue on the projector. One question at a time, 80 columns, colours that are never the only signal. */
#ifndef ZEGEL_CEREMONY_TALK_H
#define ZEGEL_CEREMONY_TALK_H

#include <stdbool.h>
#include <stdio.h>

struct talk {
    FILE *in, *out;
    bool ask;    /* false: --non-interactive, every step is agreed to */
    bool colour; /* only on a terminal, and not when NO_COLOR is set */
};

struct talk talk_open(bool ask);
/* A step: its number, what will be done; `hash` NULL or a SHA-256 to compare. True when the answer is exactly Yes. */
bool talk_step(const struct talk *t, unsigned number, unsigned count, const char *title, const char *text, const char *hash);
/* How it went. */
void talk_result(const struct talk *t, bool good, const char *text);

#endif
