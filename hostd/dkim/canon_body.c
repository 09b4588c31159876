#include "dkim/canon_body.h"

static const uint8_t crlfs[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

void canon_body_init(struct canon_body *c, bool relaxed, canon_sink *sink, void *arg)
{
    *c = (struct canon_body){.sink = sink, .arg = arg, .relaxed = relaxed, .line_empty = true};
}

static void write_breaks(struct canon_body *c)
{
    const uint64_t room = (sizeof crlfs - 1) / 2;
    while (c->breaks > 0) {
        uint64_t n = c->breaks < room ? c->breaks : room;
        c->sink(c->arg, bytes_of(crlfs, (size_t)n * 2));
        c->breaks -= n;
    }
}

/* `span` stands in the canonical body as it is; all that was held back comes before it. */
static void write_span(struct canon_body *c, struct bytes span)
{
    if (span.len == 0)
        return;
    write_breaks(c);
    if (c->space) {
        c->sink(c->arg, BYTES_LIT(" "));
        c->space = false;
    }
    c->sink(c->arg, span);
    c->any = true;
    c->line_empty = false;
}

static void end_line(struct canon_body *c)
{
    c->space = false; /* §3.4.4: white space at the end of a line is ignored */
    c->breaks++;
    c->line_empty = true;
}

/* Length of the longest prefix in which no octet needs a thought. Relaxed: a single SP between other octets is plain too. */
static size_t plain_prefix(bool relaxed, struct bytes b)
{
    if (!relaxed)
        return bytes_find(b, '\r');
    size_t i = 0;
    while (i < b.len) {
        uint8_t c = b.data[i];
        if (c == '\r' || c == '\t')
            break;
        if (c == ' ') {
            if (i + 1 >= b.len || b.data[i + 1] == ' ' || b.data[i + 1] == '\t' || b.data[i + 1] == '\r')
                break;
        }
        i++;
    }
    return i;
}

void canon_body_update(struct canon_body *c, struct bytes chunk)
{
    size_t i = 0;
    while (i < chunk.len) {
        uint8_t x = chunk.data[i];
        if (c->cr) {
            c->cr = false;
            if (x == '\n') {
                end_line(c);
                i++;
                continue;
            }
            write_span(c, BYTES_LIT("\r")); /* a bare CR is an octet like any other (RFC 6376 §2.8 notwithstanding) */
        }
        if (x == '\r') {
            c->cr = true;
            i++;
        } else if (c->relaxed && ascii_is_wsp(x) && (c->space || plain_prefix(true, bytes_slice(chunk, i, i + 2)) == 0)) {
            c->space = true;
            i++;
        } else {
            size_t n = plain_prefix(c->relaxed, bytes_slice(chunk, i, chunk.len));
            write_span(c, bytes_slice(chunk, i, i + n));
            i += n;
        }
    }
}

void canon_body_final(struct canon_body *c)
{
    if (c->cr) {
        c->cr = false;
        write_span(c, BYTES_LIT("\r"));
    }
    c->space = false;
    /* §3.4.3: all trailing line breaks are one CRLF, and an empty body is one CRLF.
     * §3.4.4: an empty body stays empty; otherwise the same, a missing final CRLF is added. */
    if (c->any || !c->relaxed)
        c->sink(c->arg, BYTES_LIT("\r\n"));
    c->breaks = 0;
}
