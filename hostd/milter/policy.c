#include "milter/policy.h"

#include "dkim/from.h"
#include "dkim/idna.h"
#include "dkim/select.h"

static struct policy_answer answer(enum policy_verdict v, const char *reason)
{
    return (struct policy_answer){.verdict = v, .domain = NULL, .reason = reason};
}

/* RFC 5322 §4.5: "Subject : x", which some MTAs send on as "Subject: x". */
static bool has_space_before_colon(const struct header *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (header_name(&h->fields[i]).len < h->fields[i].name.len)
            return true;
    return false;
}

/* The configuration has A-labels; From may have U-labels (RFC 6532). */
static const struct config_domain *find_domain(const struct config *c, struct bytes domain)
{
    uint8_t room[DKIM_DOMAIN_MAX];
    struct out ascii = out_of(room, sizeof room);
    return idna_ascii(domain, &ascii) ? config_find_domain(c, out_bytes(&ascii)) : NULL;
}

struct policy_answer policy_judge(const struct config *c, const struct sender *sender, const struct header *h)
{
    struct bytes from = BYTES_LIT("From"), domain;
    if (!sender_is_ours(c, sender))
        return answer(POLICY_UNTOUCHED, "client is neither authenticated nor trusted");
    if (h->defects & HEADER_TOO_MANY)
        return answer(POLICY_REJECT, "more header fields than can be signed");
    size_t froms = header_count(h, from);
    if (froms == 0)
        return answer(POLICY_REJECT, "no From header field (RFC 5322 section 3.6)");
    if (froms > 1)
        return answer(POLICY_REJECT, "more than one From header field (RFC 5322 section 3.6)");
    const struct header_field *f = &h->fields[header_find_above(h, from, h->count)];
    switch (from_domain(f->value, &domain)) {
    case FROM_MALFORMED: return answer(POLICY_REJECT, "From header field cannot be read in only one way");
    case FROM_AMBIGUOUS: return answer(POLICY_REJECT, "From header field has authors in different domains");
    case FROM_OK: break;
    }
    struct policy_answer a = answer(POLICY_UNTOUCHED, "no key for this From domain");
    a.domain = find_domain(c, domain);
    if (a.domain != NULL && !sender_may(c, sender, a.domain))
        return answer(POLICY_FORBIDDEN, "this sender may not send as the domain of its From header field (senders:)");
    if (a.domain != NULL && !a.domain->relaxed_header && has_space_before_colon(h))
        return answer(POLICY_REJECT, "white space before a colon in the header, which only canonicalization: relaxed can sign");
    if (a.domain != NULL)
        a = (struct policy_answer){.verdict = POLICY_SIGN, .domain = a.domain, .reason = ""};
    return a;
}

const char *policy_defect(const struct header *h)
{
    if (h->defects & HEADER_BAD_NAME)
        return "a header field name has octets that RFC 5322 does not allow";
    if (h->defects & HEADER_NO_COLON)
        return "a line of the header is no field (RFC 5322 section 2.2)";
    if (h->defects & (HEADER_BARE_CR | HEADER_BARE_LF))
        return "bare CR or LF in a header field";
    if (h->defects & HEADER_NUL)
        return "NUL octet in a header field";
    if (select_repeated_singleton(h) != NULL)
        return "a header field that may stand there once stands there twice (RFC 5322 section 3.6)";
    return NULL;
}
