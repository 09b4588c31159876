#include "dkim/body_check.h"

#include "dkim/limits.h"

void body_check_init(struct body_check *c)
{
    *c = (struct body_check){0};
}

/* Bits that only some octets have, so that a whole line is judged by one OR and a few memchr. */
static unsigned line_defects(struct bytes line)
{
    unsigned defects = BODY_OK;
    uint8_t all = 0;
    for (size_t i = 0; i < line.len; i++)
        all |= line.data[i];
    if (all & 0x80)
        defects |= BODY_8BIT;
    if (bytes_find(line, '\0') < line.len)
        defects |= BODY_NUL;
    if (bytes_find(line, '\r') < line.len)
        defects |= BODY_BARE_CR;
    return defects;
}

void body_check_update(struct body_check *c, struct bytes chunk)
{
    size_t at = 0;
    while (at < chunk.len) {
        struct bytes rest = bytes_slice(chunk, at, chunk.len);
        size_t lf = bytes_find(rest, '\n');
        struct bytes line = bytes_slice(rest, 0, lf); /* this chunk's part of it */
        at += line.len;
        if (line.len > 0 && c->cr) {
            c->defects |= BODY_BARE_CR;
            c->column++;
            c->cr = false;
        }
        if (line.len > 0 && line.data[line.len - 1] == '\r') {
            c->cr = true;
            line.len--;
        }
        c->defects |= line_defects(line);
        c->column += line.len;
        if (c->column > DKIM_LINE_MAX)
            c->defects |= BODY_LONG_LINE;
        if (at < chunk.len) { /* the LF */
            if (!c->cr)
                c->defects |= BODY_BARE_LF;
            c->cr = false;
            c->column = 0;
            at++;
        }
    }
}

void body_check_final(struct body_check *c)
{
    if (c->cr)
        c->defects |= BODY_BARE_CR;
}
