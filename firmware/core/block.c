#include "core/block.h"

#include "core/from.h"
#include "core/name.h"

struct field {
    struct span name, value;
};

/* ---- lines */

static enum reason check_octets(struct span block)
{
    for (size_t i = 0; i < block.len; i++) {
        uint8_t c = block.data[i];
        if (c == '\0')
            return REASON_BLOCK_NUL;
        if (c == '\n' && (i == 0 || block.data[i - 1] != '\r'))
            return REASON_BLOCK_LF;
        if (c == '\r' && (i + 1 == block.len || block.data[i + 1] != '\n'))
            return REASON_BLOCK_CR;
        if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 127)
            return REASON_BLOCK_CONTROL;
    }
    return REASON_OK;
}

/* Index behind the white space at `at`. */
static size_t skip_wsp(struct span s, size_t at)
{
    while (at < s.len && (s.data[at] == ' ' || s.data[at] == '\t'))
        at++;
    return at;
}

/* The field that starts at `*at`, up to its CRLF (folds included) or the end; *at moves behind that. CRLFs are whole. */
static enum reason take_field(struct span block, size_t *at, struct field *out)
{
    size_t end = *at;
    while (end < block.len) {
        if (block.data[end] != '\r') {
            end++;
            continue;
        }
        size_t word = skip_wsp(block, end + 2);
        if (word == end + 2)
            break;
        if (word == block.len || block.data[word] == '\r')
            return REASON_BLOCK_BLANK_FOLD;
        end = word;
    }
    struct span field = span_cut(block, *at, end);
    size_t colon = span_find(field, ':');
    *at = end < block.len ? end + 2 : block.len;
    if (colon == field.len)
        return REASON_FIELD_NO_COLON;
    *out = (struct field){span_cut(field, 0, colon), span_cut(field, colon + 1, field.len)};
    return REASON_OK;
}

static enum reason check_name(struct span name, bool relaxed)
{
    if (name.len == 0)
        return REASON_FIELD_NO_NAME;
    if (name.len > BLOCK_NAME_MAX)
        return REASON_FIELD_NAME_LONG;
    for (size_t i = 0; i < name.len; i++) {
        if (span_is_fws(name.data[i]))
            return REASON_FIELD_NAME_SPACE;
        if (name.data[i] < 33 || name.data[i] > 126)
            return REASON_FIELD_NAME_OCTET;
        if (relaxed && name.data[i] != span_lower(name.data[i]))
            return REASON_FIELD_NAME_CASE;
    }
    return REASON_OK;
}

/* §3.4.2: what is not in relaxed form would not hash to what a verifier hashes. */
static enum reason check_relaxed_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == '\t')
            return REASON_FIELD_TAB;
        if (c == '\r')
            return REASON_FIELD_FOLD;
        if (c != ' ')
            continue;
        if (i == 0)
            return REASON_FIELD_LEADING;
        if (i + 1 == value.len)
            return REASON_FIELD_TRAILING;
        if (value.data[i + 1] == ' ')
            return REASON_FIELD_SPACES;
    }
    return REASON_OK;
}

static enum reason check_field(const struct field *f, bool relaxed)
{
    enum reason r = check_name(f->name, relaxed);
    return r == REASON_OK && relaxed ? check_relaxed_value(f->value) : r;
}

static bool is_named(const struct field *f, const char *name)
{
    return span_same(f->name, span_of(name, strlen(name)));
}

/* ---- what may be there once (RFC 5322 §3.6, RFC 2045) */

static enum reason check_singleton(const struct field *f, uint32_t *seen)
{
    static const char *const singletons[] = {"sender",     "reply-to",     "to",           "cc",
                                             "bcc",        "message-id",   "references",   "subject",
                                             "date",       "mime-version", "content-type", "content-transfer-encoding",
                                             "in-reply-to"};
    for (unsigned i = 0; i < sizeof singletons / sizeof singletons[0]; i++) {
        if (!is_named(f, singletons[i]))
            continue;
        if ((*seen & 1U << i) != 0)
            return REASON_H_SINGLETON;
        *seen |= 1U << i;
    }
    return REASON_OK;
}

/* ---- h= */

static enum reason check_h(struct span h)
{
    struct span name;
    size_t count = 0, froms = 0;
    while (sig_next_name(&h, &name)) {
        if (name.len == 0)
            return REASON_H_EMPTY_NAME;
        for (size_t i = 0; i < name.len; i++)
            if (name.data[i] < 33 || name.data[i] > 126)
                return REASON_H_OCTET;
        if (++count > BLOCK_FIELDS_MAX)
            return REASON_H_MANY;
        if (span_same(name, SPAN_LIT("dkim-signature")))
            return REASON_H_SIGNATURE; /* RFC 6376 §3.5; and one key's would break the other's */
        froms += span_same(name, SPAN_LIT("from"));
    }
    if (froms == 0)
        return REASON_H_NO_FROM;
    return froms == 1 ? REASON_H_FROM_ONCE : REASON_OK;
}

/* The fields along h=: each name takes the next field if that has its name, and otherwise asserts absence. */
static enum reason check_order(struct span fields, struct span h)
{
    struct span rest = h, name;
    struct field f = {0};
    size_t at = 0;
    bool waiting = false; /* f was read and no name took it yet */
    while (sig_next_name(&rest, &name)) {
        if (!waiting && at < fields.len)
            waiting = take_field(fields, &at, &f) == REASON_OK;
        if (waiting && span_same(f.name, name))
            waiting = false;
    }
    if (!waiting && at < fields.len)
        waiting = take_field(fields, &at, &f) == REASON_OK;
    if (!waiting)
        return REASON_OK;
    for (rest = h; sig_next_name(&rest, &name);)
        if (span_same(f.name, name))
            return REASON_H_ORDER;
    return REASON_H_LEFT_OVER;
}

/* ---- From */

static enum reason check_from(struct span value, const struct sig_policy *policy)
{
    struct span author = {NULL, 0};
    enum reason r = from_domain(value, policy->allow_8bit, &author);
    if (r != REASON_OK)
        return r;
    if (policy->strict)
        return span_same(author, policy->domain) ? REASON_OK : REASON_FROM_STRICT;
    return name_within(author, policy->domain) ? REASON_OK : REASON_FROM_RELAXED;
}

static enum reason check_fields(struct span fields, bool relaxed, const struct sig_policy *policy)
{
    struct field f, from = {0};
    uint32_t seen = 0;
    for (size_t at = 0; at < fields.len;) {
        enum reason r = take_field(fields, &at, &f);
        if (r == REASON_OK)
            r = check_field(&f, relaxed);
        if (r == REASON_OK)
            r = check_singleton(&f, &seen);
        if (r != REASON_OK)
            return r;
        if (!is_named(&f, "from"))
            continue;
        if (from.name.data != NULL)
            return REASON_FROM_TWICE;
        from = f;
    }
    return from.name.data == NULL ? REASON_NO_FROM : check_from(from.value, policy);
}

/* ---- all of it */

/* Splits off the last field, which must be the DKIM-Signature and the only one. */
static enum reason find_signature(struct span block, struct span *fields, struct field *signature)
{
    size_t at = 0, start = 0, count = 0;
    while (at < block.len) {
        start = at;
        enum reason r = take_field(block, &at, signature);
        if (r != REASON_OK)
            return r;
        if (++count > BLOCK_FIELDS_MAX)
            return REASON_BLOCK_FIELDS;
        if (at < block.len && is_named(signature, "dkim-signature"))
            return REASON_SIG_TWICE;
    }
    *fields = span_cut(block, 0, start);
    return is_named(signature, "dkim-signature") ? REASON_OK : REASON_SIG_NOT_LAST;
}

static enum reason check_signature_field(const struct field *f, bool relaxed)
{
    if (!relaxed)
        return span_eq(f->name, SPAN_LIT("DKIM-Signature")) ? REASON_OK : REASON_SIG_NAME_CASE;
    return check_field(f, true);
}

enum reason block_check(struct span block, const struct sig_policy *policy)
{
    struct span fields;
    struct field signature = {0};
    struct sig sig = {0};
    if (block.len == 0)
        return REASON_BLOCK_EMPTY;
    if (block.len > BLOCK_MAX)
        return REASON_BLOCK_LARGE;
    enum reason r = check_octets(block);
    if (r == REASON_OK && block.data[block.len - 1] == '\n')
        r = REASON_BLOCK_ENDS_CRLF;
    if (r == REASON_OK)
        r = find_signature(block, &fields, &signature);
    if (r == REASON_OK)
        r = sig_check(signature.value, policy, &sig);
    if (r == REASON_OK)
        r = check_signature_field(&signature, sig.relaxed);
    if (r == REASON_OK)
        r = check_h(sig.h);
    if (r == REASON_OK)
        r = check_fields(fields, sig.relaxed, policy);
    return r == REASON_OK ? check_order(fields, sig.h) : r;
}
