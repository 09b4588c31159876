/* script: the printable checklist, generated from the plan: a line to tick and to initial for every step. */
#ifndef ZEGEL_CEREMONY_SCRIPT_H
#define ZEGEL_CEREMONY_SCRIPT_H

#include "ceremony/transcript.h"

/* Markdown. */
void script_make(const struct transcript *t, struct buf *out);
/* The same as a page of HTML that prints on A4; needs nothing from elsewhere. */
void script_html(struct bytes script, struct buf *out);
/* The same as a document for groff -k -t -ms. */
void script_groff(struct bytes script, struct buf *out);

/* How a printed form writes what script_make marks in a line of text: `code`, **bold**, and "[ ]", the box to tick. */
struct script_marks {
    const char *code[2], *bold[2], *box;       /* begin and end */
    void (*octet)(struct buf *out, uint8_t c); /* any other octet */
};
void script_line(const struct script_marks *m, struct bytes text, struct buf *out);
/* The first cell of *row, which becomes the rest; *row begins behind a "|". */
struct bytes script_cell(struct bytes *row);

#endif
