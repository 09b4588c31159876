#include "core/apdu.h"

/* Lc, data and Le behind the header; `wide` octets each. */
static bool parse_body(struct span body, size_t wide, struct apdu *out)
{
    size_t lc = 0;
    for (size_t i = 0; i < wide; i++)
        lc = lc << 8 | body.data[i];
    uint32_t most = wide == 1 ? 256 : 65536;
    if (body.len == wide) { /* Le alone */
        out->le = lc == 0 ? most : (uint32_t)lc;
        return true;
    }
    if (lc == 0 || (body.len != wide + lc && body.len != wide + lc + wide))
        return false;
    out->data = span_cut(body, wide, wide + lc);
    if (body.len == wide + lc)
        return true;
    for (size_t i = wide + lc; i < body.len; i++)
        out->le = out->le << 8 | body.data[i];
    if (out->le == 0)
        out->le = most;
    return true;
}

bool apdu_parse(struct span in, struct apdu *out)
{
    if (in.len < 4)
        return false;
    *out = (struct apdu){.cla = in.data[0], .ins = in.data[1], .p1 = in.data[2], .p2 = in.data[3]};
    struct span body = span_cut(in, 4, in.len);
    out->data = span_cut(body, 0, 0);
    if (body.len == 0)
        return true;
    if (body.data[0] != 0 || body.len == 1)
        return parse_body(body, 1, out);
    return body.len >= 3 && parse_body(span_cut(body, 1, body.len), 2, out);
}
