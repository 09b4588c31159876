#include "dkim/canon_body.h"

#include "dkim/scan.h"

static const uint8_t crlfs[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

void canon_body_init(struct canon_body *c, bool relaxed, canon_sink *sink, void *arg)
{
    *c = (struct canon_body){.sink = sink, .arg = arg, .relaxed = relaxed};
}

/* `span` stands in the canonical body as it is; all that was held back comes before it. */
static void write_span(struct canon_body *c, struct bytes span)
{
    const uint64_t room = (sizeof crlfs - 1) / 2;
    while (c->breaks > 0) {
        uint64_t n = c->breaks < room ? c->breaks : room;
        c->sink(c->arg, bytes_of(crlfs, (size_t)n * 2));
        c->breaks -= n;
    }
    if (c->space)
        c->sink(c->arg, BYTES_LIT(" "));
    c->space = false;
    c->sink(c->arg, span);
    c->any = true;
}

static void end_line(struct canon_body *c)
{
    c->space = false; /* §3.4.4: white space at the end of a line is ignored */
    c->breaks++;
}

/* Relaxed: does the white space at `i` change? One SP between other octets of a line does not. */
static bool wsp_changes(struct bytes b, size_t i)
{
    return b.data[i] == '\t' || i + 1 == b.len || ascii_is_wsp(b.data[i + 1]) || b.data[i + 1] == '\r';
}

/* Where white space may change: all that does, and the SP before a control character, which hardly any mail has. */
static scan16_mask sixteen_suspicious(const uint8_t *p)
{
    scan16 x = scan16_load(p), y = scan16_load(p + 1);
    return (x == '\t') | ((x == ' ') & (y <= ' '));
}

/* The first place from `n` on where white space may change, or the end. */
static size_t next_suspicious(struct bytes b, size_t n)
{
    for (; n + 65 <= b.len; n += 64) {
        const uint8_t *p = b.data + n;
        scan16_mask m0 = sixteen_suspicious(p), m1 = sixteen_suspicious(p + 16), m2 = sixteen_suspicious(p + 32),
                    m3 = sixteen_suspicious(p + 48);
        if (scan16_any(m0 | m1 | m2 | m3))
            return n + (size_t)__builtin_ctzll(scan64_bits(m0, m1, m2, m3));
    }
    for (; n + 17 <= b.len; n += 16) {
        scan16_mask m = sixteen_suspicious(b.data + n);
        if (scan16_any(m))
            return n + (size_t)__builtin_ctz(scan16_bits(m));
    }
    while (n < b.len && !ascii_is_wsp(b.data[n]))
        n++;
    return n;
}

/* Length of the longest prefix that stands in the canonical body as it is, over as many lines as it takes. The line breaks
 * at its end are left out: whether they count is not known before something follows. The first octet is plain. */
static size_t plain_prefix(bool relaxed, struct bytes b)
{
    size_t n = relaxed ? next_suspicious(b, 0) : b.len;
    while (n < b.len && !wsp_changes(b, n))
        n = next_suspicious(b, n + 1);
    if (b.data[n - 1] == '\r') /* half a line break, perhaps */
        n--;
    while (n >= 2 && b.data[n - 1] == '\n' && b.data[n - 2] == '\r')
        n -= 2;
    return n;
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
        } else if (c->relaxed && ascii_is_wsp(x) && (c->space || wsp_changes(chunk, i))) {
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
