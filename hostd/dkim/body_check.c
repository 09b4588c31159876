#include "dkim/body_check.h"

#include "dkim/limits.h"
#include "dkim/scan.h"

void body_check_init(struct body_check *c)
{
    *c = (struct body_check){0};
}

/* NUL, 8-bit, CR and LF that are no pair. Sees the octet before `p`. */
static scan16_mask sixteen_suspicious(const uint8_t *p)
{
    scan16 x = scan16_load(p), before = scan16_load(p - 1);
    return ((scan16_mask)x < 1) | ((x == '\n') ^ (before == '\r')); /* as a signed number, NUL and 8-bit are below 1 */
}

static bool sixty_four_clean(const uint8_t *p)
{
    return !scan16_any(sixteen_suspicious(p) | sixteen_suspicious(p + 16) | sixteen_suspicious(p + 32) |
                       sixteen_suspicious(p + 48));
}

static unsigned octet_defects(uint8_t before, uint8_t x)
{
    unsigned defects = BODY_OK;
    if (x == '\0')
        defects |= BODY_NUL;
    if (x >= 0x80)
        defects |= BODY_8BIT;
    if (x == '\n' && before != '\r')
        defects |= BODY_BARE_LF;
    if (x != '\n' && before == '\r')
        defects |= BODY_BARE_CR;
    return defects;
}

static void check_octets(struct body_check *c, struct bytes chunk)
{
    c->defects |= octet_defects(c->last, chunk.data[0]);
    for (size_t i = 1; i < chunk.len;) {
        if (i + 64 <= chunk.len && sixty_four_clean(chunk.data + i)) {
            i += 64;
            continue;
        }
        size_t end = i + 64 < chunk.len ? i + 64 : chunk.len;
        for (; i < end; i++)
            c->defects |= octet_defects(chunk.data[i - 1], chunk.data[i]);
    }
    c->last = chunk.data[chunk.len - 1];
}

/* Jumps from the last LF that a line of legal length can have to the next such, so that few octets are looked at. */
static void check_lines(struct body_check *c, struct bytes chunk)
{
    const size_t line_max = DKIM_LINE_MAX + 2; /* with CRLF */
    size_t at = 0;
    while (at < chunk.len) {
        struct bytes window = bytes_slice(chunk, at, at + (line_max - c->column));
        const uint8_t *lf = window.len == 0 ? NULL : memrchr(window.data, '\n', window.len);
        if (lf != NULL) {
            c->column = 0;
            at = (size_t)(lf - chunk.data) + 1;
        } else if (c->column + window.len < line_max) { /* the chunk ends in a line */
            c->column += window.len;
            return;
        } else {
            c->defects |= BODY_LONG_LINE;
            return;
        }
    }
}

void body_check_update(struct body_check *c, struct bytes chunk)
{
    if (chunk.len == 0)
        return;
    check_octets(c, chunk);
    if ((c->defects & BODY_LONG_LINE) == 0)
        check_lines(c, chunk);
}

void body_check_final(struct body_check *c)
{
    if (c->last == '\r')
        c->defects |= BODY_BARE_CR;
    if (c->column > DKIM_LINE_MAX)
        c->defects |= BODY_LONG_LINE;
}
