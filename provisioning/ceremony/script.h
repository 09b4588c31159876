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

#endif
