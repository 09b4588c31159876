/* lines: a report for people, one statement a line behind a word of its own, as JSON for programs. */
#ifndef ZEGEL_CEREMONY_LINES_H
#define ZEGEL_CEREMONY_LINES_H

#include <jansson.h>

#include "base/buf.h"

/* "P07: text" or "proved    text" → [{NAME: "P07", "text": "text"}, ...]; a new reference. */
json_t *lines_json(struct bytes text, const char *name);
/* What verify_transcript says: {directory, verified, statements: [{kind, text}], problem: text or null}; a new reference. Of one
 * that does not verify there are no statements. */
json_t *lines_verdict(const char *dir, bool verified, struct bytes report, const char *problem);

#endif
