#include "dkim/canon_header.h"

/* §3.4.2: name in lower case, no white space before the colon; unfolded; runs of WSP are one SP; none at either end. */
static void relaxed_field(const struct header_field *f, struct out *out)
{
    struct bytes name = header_name(f);
    for (size_t i = 0; i < name.len; i++)
        out_u8(out, ascii_lower(name.data[i]));
    out_u8(out, ':');

    bool started = false, space = false;
    for (size_t i = 0; i < f->value.len; i++) {
        uint8_t c = f->value.data[i];
        if (ascii_is_wsp(c)) {
            space = true;
            continue;
        }
        if (c == '\r' && i + 1 < f->value.len && f->value.data[i + 1] == '\n') {
            i++; /* a fold: the white space behind it stays, the line break goes */
            continue;
        }
        if (space && started)
            out_u8(out, ' ');
        started = true;
        space = false;
        out_u8(out, c);
    }
}

static void simple_field(const struct header_field *f, struct out *out)
{
    out_add(out, f->name);
    out_u8(out, ':');
    out_add(out, f->value);
}

void canon_header_last(bool relaxed, const struct header_field *f, struct out *out)
{
    if (relaxed)
        relaxed_field(f, out);
    else
        simple_field(f, out);
}

void canon_header_field(bool relaxed, const struct header_field *f, struct out *out)
{
    canon_header_last(relaxed, f, out);
    out_add(out, BYTES_LIT("\r\n"));
}
