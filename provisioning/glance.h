/* glance: zegel-status' JSON as lines for people: for zegel status, and the frames of zegel top. What it says is taken to be
 * hostile: of text, only printable ASCII is shown. */
#ifndef ZEGEL_GLANCE_H
#define ZEGEL_GLANCE_H

#include <jansson.h>

#include "base/buf.h"

struct glance {
    unsigned width;  /* columns; lines are cut there */
    unsigned height; /* lines; 0: as many as there are */
    bool colour;
    double seconds; /* since `before` */
};

/* `before` NULL: no rates. */
void glance_print(const json_t *now, const json_t *before, const struct glance *g, struct buf *out);
/* Does anything want a person? */
bool glance_faulty(const json_t *now);

#endif
