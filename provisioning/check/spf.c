#include "check/spf.h"

#include <arpa/inet.h>
#include <stdio.h>

const char *spf_strerror(enum spf_error e)
{
    switch (e) {
    case SPF_OK: return "ok";
    case SPF_NONE: return "no v=spf1";
    case SPF_TERM: return "unknown mechanism";
    case SPF_DOMAIN: return "bad domain or macro";
    case SPF_NETWORK: return "bad address";
    case SPF_LENGTH: return "bad prefix length";
    case SPF_VALUE: return "value missing or not allowed";
    case SPF_TWICE: return "modifier stands there twice";
    case SPF_MANY: return "too many terms";
    }
    return "unknown";
}

bool spf_is_record(struct bytes text)
{
    struct bytes version = BYTES_LIT("v=spf1");
    return bytes_ieq(bytes_slice(text, 0, version.len), version) && (text.len == version.len || text.data[version.len] == ' ');
}

static bool is_alpha(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "%{" letter [digits] ["r"] [delimiters] "}": its length, 0 when it is none. c, r and t are for exp= only (§7.2). */
static size_t macro_length(struct bytes s, bool explanation)
{
    size_t at = 3;
    if (s.len < 4 || s.data[1] != '{' || s.data[2] == '\0' ||
        strchr(explanation ? "slodiphvcrt" : "slodiphv", ascii_lower(s.data[2])) == NULL)
        return 0;
    while (at < s.len && is_digit(s.data[at]))
        at++;
    if (at < s.len && ascii_lower(s.data[at]) == 'r')
        at++;
    while (at < s.len && s.data[at] != '\0' && strchr(".-+,/_=", s.data[at]) != NULL)
        at++;
    return at < s.len && s.data[at] == '}' ? at + 1 : 0;
}

/* A macro-string (§7.1). *expands: it has a macro that depends on the message; *ends_so: one stands at its end. */
static bool is_macro_string(struct bytes s, bool explanation, bool *expands, bool *ends_so)
{
    *expands = *ends_so = false;
    for (size_t at = 0; at < s.len;) {
        uint8_t c = s.data[at];
        if (c <= 0x20 || c >= 0x7f)
            return false;
        *ends_so = false;
        if (c != '%') {
            at++;
        } else if (at + 1 < s.len && strchr("%_-", s.data[at + 1]) != NULL && s.data[at + 1] != '\0') {
            at += 2;
            *ends_so = true;
        } else {
            size_t n = macro_length(bytes_slice(s, at, s.len), explanation);
            if (n == 0)
                return false;
            at += n;
            *expands = *ends_so = true;
        }
    }
    return true;
}

/* The last label of a name that is looked up as it stands: letters, digits, hyphens inside, and not digits alone. */
static bool ends_in_toplabel(struct bytes s)
{
    if (s.len > 0 && s.data[s.len - 1] == '.')
        s.len--;
    size_t from = s.len;
    bool digits = true;
    while (from > 0 && s.data[from - 1] != '.') {
        uint8_t c = s.data[--from];
        if (!is_alpha(c) && !is_digit(c) && c != '-')
            return false;
        digits = digits && is_digit(c);
    }
    return from > 0 && from < s.len && !digits && s.data[from] != '-' && s.data[s.len - 1] != '-';
}

static bool read_domain(struct bytes s, struct spf_term *t)
{
    bool ends_so;
    if (s.len == 0 || !is_macro_string(s, false, &t->macro, &ends_so) || !(ends_so || ends_in_toplabel(s)))
        return false;
    if (bytes_find(s, '%') < s.len)
        t->macro = true; /* %%, %_ and %- too: no host name */
    t->domain = s;
    return true;
}

/* "/n" at the end of *s, cut off; true also when there is none. */
static bool take_length(struct bytes *s, unsigned most)
{
    size_t at = s->len;
    unsigned n = 0;
    while (at > 0 && is_digit(s->data[at - 1]))
        at--;
    if (at == 0 || s->data[at - 1] != '/')
        return true;
    struct bytes digits = bytes_slice(*s, at, s->len);
    if (digits.len == 0 || digits.len > 3 || (digits.len > 1 && digits.data[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.len; i++)
        n = n * 10 + (unsigned)(digits.data[i] - '0');
    s->len = at - 1;
    return n <= most;
}

/* [":" domain-spec] ["/" n] ["//" m] */
static enum spf_error read_host(struct bytes rest, struct spf_term *t)
{
    size_t two = rest.len;
    for (size_t i = 0; i + 1 < rest.len; i++)
        if (rest.data[i] == '/' && rest.data[i + 1] == '/')
            two = i;
    if (two < rest.len) {
        struct bytes six = bytes_slice(rest, two + 1, rest.len);
        if (!take_length(&six, 128) || six.len > 0)
            return SPF_LENGTH;
        rest.len = two;
    }
    if (!take_length(&rest, 32))
        return SPF_LENGTH;
    if (rest.len == 0)
        return SPF_OK;
    if (rest.data[0] != ':')
        return SPF_VALUE;
    return read_domain(bytes_slice(rest, 1, rest.len), t) ? SPF_OK : SPF_DOMAIN;
}

static enum spf_error read_network(struct bytes rest, int family)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (rest.len < 2 || rest.data[0] != ':')
        return SPF_VALUE;
    rest = bytes_slice(rest, 1, rest.len);
    if (!take_length(&rest, family == AF_INET ? 32 : 128))
        return SPF_LENGTH;
    if (rest.len >= sizeof text || bytes_find(rest, '\0') < rest.len)
        return SPF_NETWORK;
    memcpy(text, rest.data, rest.len);
    text[rest.len] = '\0';
    return inet_pton(family, text, address) == 1 ? SPF_OK : SPF_NETWORK;
}

static enum spf_error read_name(struct bytes rest, struct spf_term *t, bool needed)
{
    if (rest.len == 0)
        return needed ? SPF_VALUE : SPF_OK;
    if (rest.data[0] != ':')
        return SPF_VALUE;
    return read_domain(bytes_slice(rest, 1, rest.len), t) ? SPF_OK : SPF_DOMAIN;
}

static enum spf_error read_mechanism(struct bytes word, struct bytes rest, struct spf_term *t)
{
    static const struct {
        const char *name;
        enum spf_kind kind;
    } kinds[] = {{"all", SPF_ALL}, {"include", SPF_INCLUDE}, {"a", SPF_A},     {"mx", SPF_MX},
                 {"ptr", SPF_PTR}, {"ip4", SPF_IP4},         {"ip6", SPF_IP6}, {"exists", SPF_EXISTS}};
    size_t i = 0;
    while (i < sizeof kinds / sizeof kinds[0] && !bytes_ieq(word, bytes_str(kinds[i].name)))
        i++;
    if (i == sizeof kinds / sizeof kinds[0])
        return SPF_TERM;
    t->kind = kinds[i].kind;
    switch (t->kind) {
    case SPF_ALL: return rest.len == 0 ? SPF_OK : SPF_VALUE;
    case SPF_A:
    case SPF_MX: return read_host(rest, t);
    case SPF_IP4: return read_network(rest, AF_INET);
    case SPF_IP6: return read_network(rest, AF_INET6);
    case SPF_PTR: return read_name(rest, t, false);
    default: return read_name(rest, t, true);
    }
}

static bool is_modifier_name(struct bytes s)
{
    if (s.len == 0 || !is_alpha(s.data[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_alpha(s.data[i]) && !is_digit(s.data[i]) && s.data[i] != '-' && s.data[i] != '_' && s.data[i] != '.')
            return false;
    return true;
}

static enum spf_error read_modifier(struct bytes name, struct bytes value, struct spf_term *t)
{
    bool expands, ends_so;
    t->kind = bytes_ieq(name, BYTES_LIT("redirect")) ? SPF_REDIRECT : bytes_ieq(name, BYTES_LIT("exp")) ? SPF_EXP : SPF_OTHER;
    if (t->kind == SPF_OTHER)
        return is_macro_string(value, true, &expands, &ends_so) ? SPF_OK : SPF_DOMAIN;
    return read_domain(value, t) ? SPF_OK : SPF_DOMAIN;
}

static enum spf_error read_term(struct bytes text, struct spf_term *t)
{
    size_t at = 0;
    *t = (struct spf_term){.text = text};
    size_t equals = bytes_find(text, '=');
    if (equals < text.len && is_modifier_name(bytes_slice(text, 0, equals)))
        return read_modifier(bytes_slice(text, 0, equals), bytes_slice(text, equals + 1, text.len), t);
    t->qualifier = '+';
    if (strchr("+-~?", text.data[0]) != NULL && text.data[0] != '\0')
        t->qualifier = (char)text.data[at++];
    size_t end = at;
    while (end < text.len && text.data[end] != ':' && text.data[end] != '/')
        end++;
    return read_mechanism(bytes_slice(text, at, end), bytes_slice(text, end, text.len), t);
}

static bool has_kind(const struct spf *s, enum spf_kind kind)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->terms[i].kind == kind)
            return true;
    return false;
}

enum spf_error spf_parse(struct bytes text, struct spf *out)
{
    out->count = 0;
    out->bad = text;
    if (!spf_is_record(text))
        return SPF_NONE;
    for (size_t at = strlen("v=spf1"); at < text.len;) {
        if (text.data[at] == ' ') {
            at++;
            continue;
        }
        size_t end = at;
        while (end < text.len && text.data[end] != ' ')
            end++;
        struct spf_term t;
        out->bad = bytes_slice(text, at, end);
        enum spf_error e = out->count == SPF_TERMS_MAX ? SPF_MANY : read_term(out->bad, &t);
        if (e == SPF_OK && (t.kind == SPF_REDIRECT || t.kind == SPF_EXP) && has_kind(out, t.kind))
            e = SPF_TWICE;
        if (e != SPF_OK)
            return e;
        out->terms[out->count++] = t;
        at = end;
    }
    out->bad = bytes_of(NULL, 0);
    return SPF_OK;
}
