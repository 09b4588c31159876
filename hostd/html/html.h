/* html: what our pages share: one style, and text that cannot become markup. Pages load nothing and run nothing. */
#ifndef ZEGEL_HTML_H
#define ZEGEL_HTML_H

#include "base/buf.h"

extern const char html_style[];
extern const size_t html_style_len;

/* As text between tags, or in an attribute with "": nothing in `s` becomes markup, control or direction characters are shown. */
void html_escape(struct buf *out, const char *s);
/* "sha256-...", for style-src of a Content-Security-Policy that allows the style and nothing else. */
void html_style_hash(struct buf *out);
/* Up to and with <body>. `title` is escaped. */
void html_head(struct buf *out, const char *language, const char *title);

#endif
