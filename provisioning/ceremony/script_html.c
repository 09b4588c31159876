/* The script as a page to print: the same text, out of the few forms of Markdown that script.c uses. */
#include "ceremony/script.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Key ceremony</title><style>\n"
    "@page { size: A4; margin: 16mm 14mm; }\n"
    "body { font: 10.5pt/1.4 \"DejaVu Sans\", Arial, sans-serif; color: #000; max-width: 182mm; margin: 1em auto; }\n"
    "h1 { font-size: 17pt; margin: 0 0 .3em; border-bottom: 2px solid #000; padding-bottom: .2em; }\n"
    "h2 { font-size: 12.5pt; margin: 1.3em 0 .4em; } h2, p { break-after: avoid; }\n"
    "table { border-collapse: collapse; width: 100%; } tr { break-inside: avoid; } thead { display: table-header-group; }\n"
    "th, td { border: 1px solid #666; padding: 5px 6px; text-align: left; vertical-align: top; overflow-wrap: break-word; }\n"
    "th { background: #eee; font-size: 9pt; } td { height: 1.5em; }\n"
    "td:empty { min-width: 14mm; } .tick { display: inline-block; width: 11px; height: 11px; border: 1.5px solid #000; }\n"
    "code, pre { font-family: \"DejaVu Sans Mono\", monospace; font-size: 9pt; } pre { font-size: 11pt; margin: .3em 0 .8em 1em; "
    "}\n"
    "</style></head><body>\n";

enum block { NONE, PRE, LIST, TABLE };

static void escape(struct buf *out, uint8_t c)
{
    if (c == '<')
        buf_add_str(out, "&lt;");
    else if (c == '>')
        buf_add_str(out, "&gt;");
    else if (c == '&')
        buf_add_str(out, "&amp;");
    else
        buf_add_u8(out, c);
}

static const struct script_marks marks = {
    .code = {"<code>", "</code>"}, .bold = {"<b>", "</b>"}, .box = "<span class=\"tick\"></span>", .octet = escape};

static void row(struct buf *out, struct bytes line, const char *cell)
{
    buf_add_str(out, "<tr>");
    for (struct bytes rest = bytes_slice(line, 1, line.len); rest.len > 0;) {
        buf_addf(out, "<%s>", cell);
        script_line(&marks, script_cell(&rest), out);
        buf_addf(out, "</%s>", cell);
    }
    buf_add_str(out, "</tr>\n");
}

static enum block block_of(struct bytes line)
{
    return bytes_has_prefix(line, BYTES_LIT("    ")) ? PRE
           : bytes_has_prefix(line, BYTES_LIT("- ")) ? LIST
           : bytes_has_prefix(line, BYTES_LIT("|"))  ? TABLE
                                                     : NONE;
}

static void element(struct buf *out, const char *name, struct bytes text)
{
    buf_addf(out, "<%s>", name);
    script_line(&marks, text, out);
    buf_addf(out, "</%s>\n", name);
}

static void one_line(struct buf *out, enum block in, bool first, struct bytes line)
{
    if (in == PRE) {
        script_line(&marks, bytes_slice(line, 4, line.len), out);
        buf_add_u8(out, '\n');
    } else if (in == LIST) {
        element(out, "li", bytes_slice(line, 2, line.len));
    } else if (in == TABLE && first) {
        buf_add_str(out, "<thead>");
        row(out, line, "th");
        buf_add_str(out, "</thead><tbody>\n");
    } else if (in == TABLE && !bytes_has_prefix(line, BYTES_LIT("| --"))) {
        row(out, line, "td");
    } else if (bytes_has_prefix(line, BYTES_LIT("## "))) {
        element(out, "h2", bytes_slice(line, 3, line.len));
    } else if (bytes_has_prefix(line, BYTES_LIT("# "))) {
        element(out, "h1", bytes_slice(line, 2, line.len));
    } else if (in == NONE && line.len > 0) {
        element(out, "p", line);
    }
}

void script_html(struct bytes script, struct buf *out)
{
    static const char *const begins[] = {"", "<pre>", "<ul>\n", "<table>"}, *const ends[] = {"", "</pre>\n", "</ul>\n",
                                                                                             "</tbody></table>\n"};
    enum block in = NONE;
    buf_add_str(out, head);
    while (script.len > 0) {
        struct bytes line = bytes_line(&script);
        enum block next = block_of(line);
        bool first = next != in;
        if (first) {
            buf_add_str(out, ends[in]);
            buf_add_str(out, begins[next]);
        }
        in = next;
        one_line(out, in, first, line);
    }
    buf_add_str(out, ends[in]);
    buf_add_str(out, "</body></html>\n");
}
