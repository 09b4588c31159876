#include "core/sig.h"

#include "core/name.h"

enum tag { TAG_V, TAG_A, TAG_C, TAG_D, TAG_S, TAG_I, TAG_T, TAG_X, TAG_H, TAG_BH, TAG_B, TAGS };

struct tags {
    struct span value[TAGS]; /* data NULL: not there */
};

/* ---- the tag list (§3.2) */

static bool is_alnum(uint8_t c)
{
    c = span_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static enum reason check_tag_name(struct span name)
{
    if (name.len == 0)
        return REASON_TAG_NO_NAME;
    for (size_t i = 0; i < name.len; i++)
        if (!is_alnum(name.data[i]) && name.data[i] != '_')
            return REASON_TAG_NAME_OCTET;
    return REASON_OK;
}

static enum reason which_tag(struct span name, enum tag *out)
{
    static const char names[TAGS][3] = {"v", "a", "c", "d", "s", "i", "t", "x", "h", "bh", "b"};
    for (int i = 0; i < TAGS; i++)
        if (span_eq(name, span_of(names[i], names[i][1] == '\0' ? 1 : 2))) {
            *out = (enum tag)i;
            return REASON_OK;
        }
    if (span_eq(name, SPAN_LIT("l")))
        return REASON_TAG_L;
    if (span_eq(name, SPAN_LIT("z")))
        return REASON_TAG_Z;
    return span_eq(name, SPAN_LIT("q")) ? REASON_TAG_Q : REASON_TAG_UNKNOWN;
}

static enum reason take_tag(struct span spec, bool last, struct tags *tags)
{
    enum tag tag = TAG_V;
    size_t equals = span_find(spec, '=');
    if (span_trim(spec).len == 0)
        return REASON_TAG_BLANK;
    if (equals == spec.len)
        return REASON_TAG_NO_EQUALS;
    struct span name = span_trim(span_cut(spec, 0, equals)), raw = span_cut(spec, equals + 1, spec.len);
    if (name.len > 0) /* white space before "=" would be legal, but nobody writes it: it is an octet that no name has */
        name.len = (size_t)(spec.data + equals - name.data);
    enum reason r = check_tag_name(name);
    if (r == REASON_OK)
        r = which_tag(name, &tag);
    if (r != REASON_OK)
        return r;
    if (tags->value[tag].data != NULL)
        return REASON_TAG_TWICE;
    for (size_t i = 0; i < raw.len; i++)
        if (!span_is_fws(raw.data[i]) && (raw.data[i] < 0x21 || raw.data[i] > 0x7e))
            return REASON_TAG_VALUE_OCTET;
    /* Nothing may stand behind "b=", not even white space: §3.7 deletes what does, and two readers may differ in how much. */
    tags->value[tag] = tag == TAG_B ? raw : span_trim(raw);
    if (tag == TAG_B && raw.len > 0)
        return REASON_B_NOT_EMPTY;
    return tag == TAG_B && !last ? REASON_B_NOT_LAST : REASON_OK;
}

static enum reason take_tags(struct span value, struct tags *tags)
{
    static const enum reason missing[TAGS] = {REASON_NO_V, REASON_NO_A, REASON_NO_C, REASON_NO_D,  REASON_NO_S, REASON_OK,
                                              REASON_NO_T, REASON_OK,   REASON_NO_H, REASON_NO_BH, REASON_NO_B};
    *tags = (struct tags){0};
    for (size_t at = 0; at <= value.len;) {
        size_t end = at + span_find(span_cut(value, at, value.len), ';');
        enum reason r = take_tag(span_cut(value, at, end), end == value.len, tags);
        if (r != REASON_OK)
            return r;
        at = end + 1;
    }
    for (int i = 0; i < TAGS; i++)
        if (missing[i] != REASON_OK && tags->value[i].data == NULL)
            return missing[i];
    return REASON_OK;
}

/* ---- the values (§3.5) */

static enum reason check_algorithm(struct span a, bool ed25519)
{
    bool is_ed = span_eq(a, SPAN_LIT("ed25519-sha256"));
    if (span_eq(a, SPAN_LIT("rsa-sha1")))
        return REASON_A_SHA1;
    if (!is_ed && !span_eq(a, SPAN_LIT("rsa-sha256")))
        return REASON_A_UNKNOWN;
    return is_ed == ed25519 ? REASON_OK : REASON_A_NOT_KEY;
}

static bool canonicalization(struct span name, bool *relaxed)
{
    *relaxed = span_eq(name, SPAN_LIT("relaxed"));
    return *relaxed || span_eq(name, SPAN_LIT("simple"));
}

static enum reason check_canon(struct span c, bool *relaxed)
{
    bool body;
    size_t slash = span_find(c, '/');
    if (slash == c.len)
        return REASON_C_HALF;
    if (!canonicalization(span_cut(c, 0, slash), relaxed))
        return REASON_C_HEADER;
    return canonicalization(span_cut(c, slash + 1, c.len), &body) ? REASON_OK : REASON_C_BODY;
}

static enum reason check_bound_name(struct span name, struct span bound, enum reason faults, enum reason other)
{
    enum name_fault bad = name_check(name);
    if (bad != NAME_OK)
        return (enum reason)((int)faults + (int)bad);
    return span_eq(name, bound) ? REASON_OK : other;
}

static enum reason check_identity(struct span i, struct span domain)
{
    size_t at = i.len;
    while (at > 0 && i.data[at - 1] != '@')
        at--;
    if (at == 0)
        return REASON_I_NO_AT;
    for (size_t k = 0; k + 1 < at; k++)
        if (!is_alnum(i.data[k]) && (i.data[k] < 33 || memchr("()<>[]:;@\\,\"", i.data[k], 12) != NULL))
            return REASON_I_LOCAL;
    struct span below = span_cut(i, at, i.len);
    enum name_fault bad = name_check(below);
    if (bad != NAME_OK)
        return (enum reason)(REASON_I_EMPTY + (int)bad);
    return name_within(below, domain) ? REASON_OK : REASON_I_OUTSIDE;
}

/* `empty`: the first of three reasons in a row: empty, octet, long. */
static enum reason check_seconds(struct span digits, enum reason empty, uint64_t *out)
{
    *out = 0;
    if (digits.len == 0)
        return empty;
    for (size_t i = 0; i < digits.len; i++)
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return (enum reason)((int)empty + 1);
    if (digits.len > SIG_TIME_DIGITS)
        return (enum reason)((int)empty + 2);
    for (size_t i = 0; i < digits.len; i++)
        *out = *out * 10 + (uint64_t)(digits.data[i] - '0');
    return REASON_OK;
}

static enum reason check_times(struct span t, struct span x, const struct sig_policy *policy)
{
    uint64_t made, over;
    enum reason r = check_seconds(t, REASON_T_EMPTY, &made);
    if (r != REASON_OK)
        return r;
    if (made < SIG_T_EARLIEST)
        return REASON_T_EARLY;
    if (x.data == NULL)
        return policy->want_expire ? REASON_X_MISSING : REASON_OK;
    r = check_seconds(x, REASON_X_EMPTY, &over);
    if (r != REASON_OK)
        return r;
    if (over <= made)
        return REASON_X_NOT_AFTER;
    return over - made > policy->life_max_s ? REASON_X_FAR : REASON_OK;
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* 32 octets are 43 characters and one "="; the last character has two bits to spare, which are zero. */
static enum reason check_body_hash(struct span bh)
{
    size_t chars = span_find(bh, '=');
    for (size_t i = 0; i < chars; i++)
        if (base64_value(bh.data[i]) < 0)
            return REASON_BH_OCTET;
    for (size_t i = chars; i < bh.len; i++)
        if (bh.data[i] != '=')
            return REASON_BH_PADDING;
    if (chars != 43)
        return REASON_BH_LENGTH;
    return bh.len == 44 && (base64_value(bh.data[42]) & 3) == 0 ? REASON_OK : REASON_BH_PADDING;
}

bool sig_next_name(struct span *rest, struct span *name)
{
    if (rest->data == NULL)
        return false;
    size_t colon = span_find(*rest, ':');
    *name = span_trim(span_cut(*rest, 0, colon));
    *rest = colon == rest->len ? span_of(NULL, 0) : span_cut(*rest, colon + 1, rest->len);
    return true;
}

enum reason sig_check(struct span value, const struct sig_policy *policy, struct sig *out)
{
    struct tags tags;
    enum reason r = take_tags(value, &tags);
    if (r == REASON_OK && !span_eq(tags.value[TAG_V], SPAN_LIT("1")))
        r = REASON_V_NOT_1;
    if (r == REASON_OK)
        r = check_algorithm(tags.value[TAG_A], policy->ed25519);
    if (r == REASON_OK)
        r = check_canon(tags.value[TAG_C], &out->relaxed);
    if (r == REASON_OK)
        r = check_bound_name(tags.value[TAG_D], policy->domain, REASON_D_EMPTY, REASON_D_NOT_KEY);
    if (r == REASON_OK)
        r = check_bound_name(tags.value[TAG_S], policy->selector, REASON_S_EMPTY, REASON_S_NOT_KEY);
    if (r == REASON_OK && tags.value[TAG_I].data != NULL)
        r = check_identity(tags.value[TAG_I], policy->domain);
    if (r == REASON_OK)
        r = check_times(tags.value[TAG_T], tags.value[TAG_X], policy);
    if (r == REASON_OK)
        r = check_body_hash(tags.value[TAG_BH]);
    out->h = tags.value[TAG_H];
    return r;
}
