#include "dkim/authres.h"

#include "dkim/domain.h"
#include "dkim/from.h"
#include "dkim/idna.h"

enum { FOLD_AT = 78 };

/* A pvalue: the name as it is when it is one, otherwise nothing at all. */
static void property(struct out *out, const char *name, struct bytes value)
{
    if (!domain_is_international(value)) /* a U-label only stands there in mail that is UTF-8 anyway (RFC 8616 §5) */
        return;
    out_str(out, " ");
    out_str(out, name);
    out_str(out, "=");
    out_add(out, value);
}

/* header.b: the first 8 characters (RFC 6008), base64 only; quoted, since "/" is no token character. */
static void property_b(struct out *out, struct bytes b)
{
    struct bytes head = bytes_slice(b, 0, 8);
    for (size_t i = 0; i < head.len; i++) {
        uint8_t c = ascii_lower(head.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '='))
            return;
    }
    if (head.len == 0)
        return;
    out_str(out, " header.b=\"");
    out_add(out, head);
    out_str(out, "\"");
}

/* RFC 8904 §3 */
static void property_dnssec(struct out *out, enum verify_dnssec s)
{
    if (s == VERIFY_DNSSEC_SECURE)
        out_str(out, " dns.sec=yes");
    else if (s == VERIFY_DNSSEC_INSECURE)
        out_str(out, " dns.sec=no");
    else if (s == VERIFY_DNSSEC_BOGUS)
        out_str(out, " dns.sec=no (bogus)");
}

void authres_dkim(const struct verification *v, struct out *out)
{
    out_str(out, "dkim=");
    out_str(out, verify_result_name(v->result));
    if (v->reason[0] != '\0') {
        out_str(out, " reason=\"");
        out_str(out, v->reason);
        out_str(out, "\"");
    }
    if (v->bits > 0) {
        out_str(out, " (");
        out_u64(out, v->bits);
        out_str(out, v->testing ? "-bit key, testing)" : "-bit key)");
    }
    property(out, "header.d", v->sig.domain);
    property(out, "header.s", v->sig.selector);
    if (v->result == VERIFY_PASS || v->result == VERIFY_FAIL)
        property(out, "header.a", bytes_str(dkim_algorithm_name(v->sig.algorithm)));
    property_b(out, v->sig.b);
    property_dnssec(out, v->dnssec);
}

bool authres_is_aligned(const struct header *h, struct bytes d)
{
    struct bytes from = BYTES_LIT("From"), author;
    size_t at = header_find_above(h, from, h->count);
    return header_count(h, from) == 1 && from_domain(h->fields[at].value, &author) == FROM_OK && idna_is_within(author, d);
}

void authres_fold(struct bytes text, size_t column, struct out *out)
{
    for (size_t at = 0; at < text.len;) {
        size_t word = 1 + bytes_find(bytes_slice(text, at + 1, text.len), ' '); /* with the space before it */
        struct bytes piece = bytes_slice(text, at, at + word);
        if (text.data[at] == ' ' && column + word > FOLD_AT) {
            out_str(out, "\r\n\t");
            piece = bytes_slice(piece, 1, word);
            column = 1;
        }
        out_add(out, piece);
        column += piece.len;
        at += word;
    }
}
