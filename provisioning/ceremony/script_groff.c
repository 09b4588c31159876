/* The script as a document for groff (-ms, tbl), out of the few forms of Markdown that script.c uses. Nothing in a plan is a
 * request to groff: each line begins with \&, and each backslash is a printed one. */
#include "ceremony/script.h"

enum { TEXT_WIDTH_MM = 180, COLUMNS_MAX = 16 };

static const char head[] =
    ".nr LL 18c\n.nr PO 1.5c\n.nr HM 1.5c\n.nr FM 1.5c\n.nr PS 10\n.nr VS 13\n.nr HY 0\n.ds CH\n.LP\n.nh\n.ad l\n";

static void glyph(struct buf *out, uint8_t c)
{
    static const struct {
        char c;
        const char *name;
    } special[] = {{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\[aq]"}, {'^', "\\[ha]"}, {'~', "\\[ti]"}};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (c == (uint8_t)special[i].c) {
            buf_add_str(out, special[i].name);
            return;
        }
    buf_add_u8(out, c < ' ' ? ' ' : c);
}

static const struct script_marks marks = {
    .code = {"\\f[CR]", "\\f[R]"}, .bold = {"\\f[B]", "\\f[R]"}, .box = "\\[sq]", .octet = glyph};

static void text_line(struct buf *out, struct bytes text)
{
    buf_add_str(out, "\\&");
    script_line(&marks, text, out);
    buf_add_str(out, "\\f[R]\n");
}

/* ---- tables ---- */

/* The line of dashes below the head says how wide each column is. */
static void columns(struct buf *out, struct bytes dashes)
{
    size_t wide[COLUMNS_MAX], count = 0, all = 0;
    for (struct bytes rest = bytes_slice(dashes, 1, dashes.len); rest.len > 0 && count < COLUMNS_MAX; count++) {
        wide[count] = script_cell(&rest).len + 1;
        all += wide[count];
    }
    buf_add_str(out, ".TS H\nallbox;\n");
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%slw(%zup)", i > 0 ? " " : "", wide[i] * (size_t)(TEXT_WIDTH_MM * 72 / 25 - 12 * count) / all);
    buf_add_str(out, ".\n");
}

static void row(struct buf *out, struct bytes line)
{
    const char *between = "";
    for (struct bytes rest = bytes_slice(line, 1, line.len); rest.len > 0; between = "\t") {
        buf_addf(out, "%sT{\n", between);
        text_line(out, script_cell(&rest));
        buf_add_str(out, "T}");
    }
    buf_add_u8(out, '\n');
}

/* ---- all of it ---- */

static void heading(struct buf *out, const char *size, struct bytes text)
{
    buf_addf(out, ".LP\n.ne 4\n\\s%s\\f[B]", size);
    text_line(out, text);
    buf_add_str(out, "\\s0\n");
}

static void paragraph(struct buf *out, struct bytes line)
{
    if (bytes_has_prefix(line, BYTES_LIT("## "))) {
        heading(out, "+3", bytes_slice(line, 3, line.len));
    } else if (bytes_has_prefix(line, BYTES_LIT("# "))) {
        heading(out, "+7", bytes_slice(line, 2, line.len));
    } else if (bytes_has_prefix(line, BYTES_LIT("    "))) {
        buf_add_str(out, ".br\n\\h'1c'\\f[CR]");
        text_line(out, bytes_slice(line, 4, line.len));
    } else if (bytes_has_prefix(line, BYTES_LIT("- "))) {
        buf_add_str(out, ".IP \\[bu] 2\n");
        text_line(out, bytes_slice(line, 2, line.len));
    } else if (line.len > 0) {
        buf_add_str(out, ".LP\n");
        text_line(out, line);
    }
}

void script_groff(struct bytes script, struct buf *out)
{
    bool in_table = false;
    buf_add_str(out, head);
    while (script.len > 0) {
        struct bytes line = bytes_line(&script);
        bool is_row = bytes_has_prefix(line, BYTES_LIT("|"));
        if (is_row && !in_table)
            columns(out, bytes_line(&script));
        if (is_row)
            row(out, line);
        if (is_row && !in_table)
            buf_add_str(out, ".TH\n");
        if (!is_row && in_table)
            buf_add_str(out, ".TE\n");
        in_table = is_row;
        if (!is_row)
            paragraph(out, line);
    }
    buf_add_str(out, in_table ? ".TE\n" : "");
}
