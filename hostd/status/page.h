/* page: the book as one HTML page that loads nothing and runs nothing. */
#ifndef ZEGEL_STATUS_PAGE_H
#define ZEGEL_STATUS_PAGE_H

#include "status/book.h"
#include "status/words.h"

void page_print(const struct book *b, const struct words *w, int64_t now_s, struct buf *out);

/* ---- its parts ---- */

/* A table's head: so many words as column headers. */
void page_columns(struct buf *out, const struct words *w, const enum word *columns, unsigned count);
/* Faults; mail; tokens; audit log. */
void page_faults(const struct book *b, const struct words *w, int64_t now_s, struct buf *out);
void page_mail(const struct book *b, const struct words *w, struct buf *out);
void page_tokens(const struct book *b, const struct words *w, struct buf *out);
void page_audit(const struct book *b, const struct words *w, struct buf *out);
/* Domains, their keys, when they are to be replaced; as a drawing, and as a table. */
void page_keys(const struct book *b, const struct words *w, int64_t now_s, struct buf *out);
/* "2026-11-25 18:30 UTC", or only the day. */
void page_time(struct buf *out, int64_t t);
void page_day(struct buf *out, int64_t t);

#endif
