/* canon: canonical JSON (RFC 8785). What is hashed and signed has one form only; a file in any other form is refused. */
#ifndef ZEGEL_CEREMONY_CANON_H
#define ZEGEL_CEREMONY_CANON_H

#include <jansson.h>

#include "base/buf.h"

enum { CANON_HEX = 65 }; /* SHA-256 as lower-case hex, and a NUL */

/* Appends the canonical form. False when the value has none: an integer beyond ±(2^53 - 1), or memory is short. */
bool canon_json(const json_t *j, struct buf *out);
/* Parses and demands that `text` is the canonical form of what it says; NULL and a line in `why` if not. The caller owns it. */
json_t *canon_parse(const char *name, struct bytes text, struct buf *why);
/* SHA-256 as hex. */
void canon_hash(struct bytes data, char out[CANON_HEX]);
/* 64 lower-case hex digits. */
bool canon_is_hash(const char *text);

#endif
