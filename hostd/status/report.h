/* report: the book as JSON, for zegel status and zegel top. */
#ifndef ZEGEL_STATUS_REPORT_H
#define ZEGEL_STATUS_REPORT_H

#include "status/book.h"

/* False when memory is short. */
bool report_print(const struct book *b, struct buf *out);

#endif
