#include "signer/blockcheck.h"

#include "dkim/from.h"
#include "dkim/idna.h"

/* The next field of the block: from `*at` to its CRLF (folds included), or to the end for the last one. */
static bool next_field(struct bytes block, size_t *at, struct bytes *field, bool *last)
{
    if (*at >= block.len)
        return false;
    for (size_t i = *at; i < block.len; i++) {
        if (block.data[i] != '\r' && block.data[i] != '\n')
            continue;
        if (block.data[i] == '\n' || i + 1 >= block.len || block.data[i + 1] != '\n')
            return false; /* a bare one */
        if (i + 2 < block.len && ascii_is_wsp(block.data[i + 2])) {
            i += 2;
            continue; /* a fold */
        }
        *field = bytes_slice(block, *at, i);
        *at = i + 2;
        *last = false;
        return true;
    }
    *field = bytes_slice(block, *at, block.len);
    *at = block.len;
    *last = true;
    return true;
}

static const char *check_name(struct bytes name, bool relaxed)
{
    if (name.len == 0)
        return "a header field has no name";
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c < 33 || c > 126)
            return "a header field name has an octet that is not allowed";
        if (relaxed && c != ascii_lower(c))
            return "a header field name is not in canonical form";
    }
    return NULL;
}

static const char *check_value(struct bytes value, bool relaxed)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == '\0')
            return "NUL in the header block";
        if (!relaxed)
            continue;
        if (c == '\t' || c == '\r' || c == '\n')
            return "a header field is not in canonical form";
        if (c == ' ' && (i == 0 || i + 1 == value.len || value.data[i + 1] == ' '))
            return "a header field is not in canonical form";
    }
    return NULL;
}

/* Tags we make; no other is ever signed. */
static const char *check_tags(struct bytes value)
{
    static const char *const ours[] = {"v", "a", "c", "d", "s", "i", "t", "x", "h", "bh", "b", NULL};
    struct taglist tags;
    if (!taglist_parse(value, &tags))
        return "DKIM-Signature is no tag list";
    for (size_t i = 0; i < tags.count; i++) {
        const char *const *o = ours;
        while (*o != NULL && !bytes_eq(tags.tags[i].name, bytes_str(*o)))
            o++;
        if (*o == NULL)
            return "DKIM-Signature has a tag that Zegel never makes";
    }
    return NULL;
}

static const char *check_signature(const struct sigheader *s, const struct config_domain *d, const struct config_key *k,
                                   int64_t now)
{
    enum dkim_algorithm want = k->algorithm == CONFIG_RSA_SHA256 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
    if (s->b_region.data == NULL || s->b_region.len != 0)
        return "b= is not empty";
    if (!bytes_eq(s->domain, bytes_str(d->domain)))
        return "d= is not the key's domain";
    if (!bytes_eq(s->selector, bytes_str(k->selector)))
        return "s= is not the key's selector";
    if (s->algorithm != want)
        return "a= is not the key's algorithm";
    if (s->relaxed_header != d->relaxed_header || s->relaxed_body != d->relaxed_body)
        return "c= is not what is configured";
    if (s->identity.data != NULL && !bytes_eq(s->identity, bytes_str(d->identity)))
        return "i= is not what is configured";
    if (s->timestamp < now - BLOCKCHECK_CLOCK_S || s->timestamp > now + BLOCKCHECK_CLOCK_S)
        return "t= is not now";
    if (d->expire_s == 0 ? s->expire >= 0 : s->expire != s->timestamp + d->expire_s)
        return "x= is not what is configured";
    return NULL;
}

/* Walks the fields above the DKIM-Signature along h=: each name takes the next field if that has its name, and otherwise
 * asserts absence. Nothing may be left over. */
static const char *check_order(struct bytes block, size_t end, struct bytes h, const struct config_domain *d)
{
    struct bytes name, field = {NULL, 0}, from = BYTES_LIT("from");
    size_t at = 0, froms_named = 0, froms = 0;
    bool last = false, have = false;
    while (sigheader_next_name(&h, &name)) {
        if (bytes_ieq(name, BYTES_LIT("dkim-signature")))
            return "h= names DKIM-Signature"; /* RFC 6376 §3.5; and each key's would break the others' */
        if (!have && at < end)
            have = next_field(block, &at, &field, &last);
        froms_named += bytes_ieq(name, from);
        size_t colon = bytes_find(field, ':');
        if (!have || !bytes_ieq(bytes_slice(field, 0, colon), name))
            continue;
        have = false;
        struct bytes value = bytes_slice(field, colon + 1, field.len), author;
        const char *bad = check_name(bytes_slice(field, 0, colon), d->relaxed_header);
        if (bad == NULL)
            bad = colon == field.len ? "a header field has no colon" : check_value(value, d->relaxed_header);
        if (bad != NULL)
            return bad;
        if (!bytes_ieq(name, from))
            continue;
        froms++;
        if (from_domain(value, &author) != FROM_OK)
            return "From has no single author domain";
        if (!(d->subdomains ? idna_is_within : idna_is_same)(author, bytes_str(d->domain)))
            return "From is not aligned with d=";
    }
    if (have || at < end)
        return "h= does not match the header block";
    if (froms != 1)
        return "there is not exactly one From";
    return froms_named >= 2 ? NULL : "From is not oversigned";
}

static size_t count_in_h(struct bytes h, struct bytes name)
{
    struct bytes next;
    size_t n = 0;
    while (sigheader_next_name(&h, &next))
        n += bytes_ieq(next, name);
    return n;
}

static size_t count_in_block(struct bytes block, size_t end, struct bytes name)
{
    struct bytes field = {NULL, 0};
    size_t at = 0, n = 0;
    bool last = false;
    while (at < end && next_field(block, &at, &field, &last))
        n += bytes_ieq(bytes_slice(field, 0, bytes_find(field, ':')), name);
    return n;
}

/* Nobody who has the milter may leave out what the domain says no one can add. */
static const char *check_oversigned(struct bytes block, size_t end, struct bytes h, const struct select_policy *p)
{
    for (const char *const *n = p->oversign; n != NULL && *n != NULL; n++)
        if (count_in_h(h, bytes_str(*n)) <= count_in_block(block, end, bytes_str(*n)))
            return "h= does not oversign what the domain's oversign-headers say";
    for (const char *const *n = p->oversign_present; n != NULL && *n != NULL; n++) {
        size_t there = count_in_block(block, end, bytes_str(*n));
        if (there > 0 && count_in_h(h, bytes_str(*n)) <= there)
            return "h= does not oversign what the domain's oversign-present-headers say";
    }
    return NULL;
}

const char *blockcheck(struct bytes block, const struct config_domain *d, const struct config_key *k, int64_t now,
                       struct sigheader *sig)
{
    size_t at = 0, start = 0;
    struct bytes field = {NULL, 0};
    bool last = false;
    if (block.len == 0 || block.len > DKIM_BLOCK_MAX)
        return "header block is empty or too large";
    while (!last) {
        start = at;
        if (!next_field(block, &at, &field, &last))
            return "header block is not lines that end in CRLF";
        size_t colon = bytes_find(field, ':');
        if (!last && bytes_ieq(bytes_slice(field, 0, colon), BYTES_LIT("dkim-signature")))
            return "a DKIM-Signature is not the last field";
    }
    size_t colon = bytes_find(field, ':');
    struct bytes name = bytes_slice(field, 0, colon), value = bytes_slice(field, colon + 1, field.len);
    if (!bytes_eq(name, d->relaxed_header ? BYTES_LIT("dkim-signature") : BYTES_LIT("DKIM-Signature")))
        return "the last field is not DKIM-Signature";
    const char *bad = check_tags(value);
    if (bad != NULL)
        return bad;
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] >= 0x80)
            return "DKIM-Signature is not US-ASCII"; /* names are A-labels: nothing is left for IDNA to do here */
    if (sigheader_parse(value, sig) != SIG_OK)
        return "DKIM-Signature is not valid";
    if (sig->b_region.data != value.data + value.len)
        return "b= is not last and empty";
    if ((bad = check_value(value, d->relaxed_header)) != NULL || (bad = check_signature(sig, d, k, now)) != NULL)
        return bad;
    if ((bad = check_order(block, start, sig->h, d)) != NULL)
        return bad;
    return check_oversigned(block, start, sig->h, &d->headers);
}
