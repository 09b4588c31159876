/* What the printed forms of the script have in common: the few forms of Markdown that script.c uses. */
#include "ceremony/script.h"

void script_line(const struct script_marks *m, struct bytes text, struct buf *out)
{
    bool code = false, bold = false;
    for (size_t i = 0; i < text.len; i++) {
        struct bytes rest = bytes_slice(text, i, text.len);
        if (text.data[i] == '`') {
            buf_add_str(out, m->code[code]);
            code = !code;
        } else if (!code && bytes_has_prefix(rest, BYTES_LIT("**"))) {
            buf_add_str(out, m->bold[bold]);
            bold = !bold;
            i++;
        } else if (!code && bytes_has_prefix(rest, BYTES_LIT("[ ]"))) {
            buf_add_str(out, m->box);
            i += 2;
        } else {
            m->octet(out, text.data[i]);
        }
    }
    buf_add_str(out, bold ? m->bold[1] : "");
    buf_add_str(out, code ? m->code[1] : "");
}

struct bytes script_cell(struct bytes *row)
{
    size_t end = bytes_find(*row, '|');
    struct bytes cell = bytes_trim(bytes_slice(*row, 0, end));
    *row = bytes_slice(*row, end + 1, row->len);
    return cell;
}
