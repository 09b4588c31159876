/* metrics: the book in Prometheus' text format. */
#ifndef ZEGEL_STATUS_METRICS_H
#define ZEGEL_STATUS_METRICS_H

#include "status/book.h"

void metrics_print(const struct book *b, struct buf *out);

#endif
