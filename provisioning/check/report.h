/* report: what was found, as text, JSON and one HTML page that loads nothing. What DNS says is hostile: it is escaped here. */
#ifndef ZEGEL_CHECK_REPORT_H
#define ZEGEL_CHECK_REPORT_H

#include <jansson.h>

#include "check/check.h"

/* Of one domain: a line for each finding, with the evidence of those that are no pass. */
void report_text(const struct check *c, const struct text_language *l, struct buf *out);
/* Of one domain; NULL when memory is short. The caller owns it. */
json_t *report_json(const struct check *c, const struct text_language *l);
/* All domains; `time_s`: when it was made. */
void report_html(const struct check *all, unsigned count, const struct text_language *l, int64_t time_s, struct buf *out);

/* ---- for the parts of the page ---- */

/* The lives of the domain's keys, drawn, and as a table. */
void report_lives(const struct check *c, const struct text_language *l, struct buf *out);

#endif
