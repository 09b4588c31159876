/* message: a spooled message (lines end with LF) read field by field, and written again with what zegel-milter changed. */
#ifndef ZEGEL_FRONT_MESSAGE_H
#define ZEGEL_FRONT_MESSAGE_H

#include <stdio.h>

#include "base/buf.h"

enum { MESSAGE_FIELD_MAX = 60000, MESSAGE_EDITS_MAX = 65536 }; /* octets of one field; fields added, fields removed */

/* What is to be changed. All that is added goes on top. */
struct edits {
    struct buf added;     /* fields with their LF, as they will stand there */
    char name[64];        /* of the fields that are removed: one name is all that zegel-milter asks for */
    struct buf removed;   /* their numbers among those of that name, from 1, as uint32_t: the largest first */
    unsigned count_added; /* fields */
};

/* From an SMFIR_INSHEADER. False: not what zegel-milter would ask for. */
bool edits_add(struct edits *e, struct bytes name, struct bytes value);
/* From an SMFIR_CHGHEADER that removes. */
bool edits_remove(struct edits *e, struct bytes name, uint32_t number);
void edits_free(struct edits *e);

enum message_item { MESSAGE_FIELD, MESSAGE_BODY, MESSAGE_BAD };

/* The next field, without the LF at its end; folds are kept. MESSAGE_BODY: the header is over, and the empty line behind it read.
 * MESSAGE_BAD: a field longer than MESSAGE_FIELD_MAX, a line that is none, NUL, or the spool cannot be read. */
enum message_item message_field(FILE *in, struct buf *field);
/* Where the name ends: the first colon. */
size_t message_name_len(struct bytes field);

/* How lines go out: each after `prefix`; `dots`: with one more "." before a "." that begins a line. */
struct message_out {
    FILE *file;
    const char *prefix;
    bool dots;
};

/* All of the message with its edits; a last line without LF gets one. False: reading or writing failed, and what came out is not
 * the message. */
bool message_write(FILE *in, const struct edits *e, const struct message_out *out);

#endif
