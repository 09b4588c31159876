/* header: the fields of one message, top to bottom, in memory the caller gives. Folds are stored as CRLF whatever they
 * came as, so that both canonicalisations see what goes over the wire (RFC 5322 §2.2). */
#ifndef ZEGEL_DKIM_HEADER_H
#define ZEGEL_DKIM_HEADER_H

#include "dkim/limits.h"
#include "dkim/out.h"

struct header_field {
    struct bytes name;  /* as it came, with white space before the colon if any */
    struct bytes value; /* all after the colon, folds included, without the final CRLF */
};

enum header_defect {
    HEADER_OK = 0,
    HEADER_TOO_MANY = 1 << 0, /* over DKIM_HEADER_FIELDS_MAX or DKIM_HEADER_TEXT_MAX: fields were dropped */
    HEADER_BAD_NAME = 1 << 1, /* empty, or not printable US-ASCII (RFC 5322 §2.2 ftext) */
    HEADER_BARE_CR = 1 << 2,
    HEADER_BARE_LF = 1 << 3, /* a line break with no white space behind it */
    HEADER_NUL = 1 << 4,
    HEADER_LONG_LINE = 1 << 5, /* over DKIM_LINE_MAX */
    HEADER_8BIT = 1 << 6,
    HEADER_NO_COLON = 1 << 7, /* a line that is no field and no fold; it was left out */
};

struct header {
    struct header_field fields[DKIM_HEADER_FIELDS_MAX];
    size_t count;
    uint8_t text[DKIM_HEADER_TEXT_MAX];
    size_t text_len;
    unsigned defects; /* of enum header_defect, all fields together */
};

void header_init(struct header *h);
/* Copy one field to the end. Defects are noted, not corrected; only HEADER_TOO_MANY loses the field. */
void header_add(struct header *h, struct bytes name, struct bytes value);
/* Split a raw header (up to the empty line or the end) into fields. Returns the octets used, the empty line included. */
size_t header_parse(struct header *h, struct bytes raw);

/* The field's name without white space before the colon. */
struct bytes header_name(const struct header_field *f);
/* How many fields are called `name` (any case). */
size_t header_count(const struct header *h, struct bytes name);
/* The last field of that name above index `below`; `below` itself when there is none. */
size_t header_find_above(const struct header *h, struct bytes name, size_t below);

#endif
