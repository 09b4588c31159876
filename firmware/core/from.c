#include "core/from.h"

#include "core/name.h"

enum { COMMENT_DEPTH = 3 };

/* Every step moves forward or gives a reason. */
struct cursor {
    struct span in;
    size_t at;
};

static bool at_end(const struct cursor *c)
{
    return c->at >= c->in.len;
}

static uint8_t peek(const struct cursor *c)
{
    return at_end(c) ? 0 : c->in.data[c->at];
}

static enum reason skip_comment(struct cursor *c)
{
    unsigned depth = 0;
    for (; !at_end(c); c->at++) {
        uint8_t x = peek(c);
        if (x == '\\')
            c->at++;
        else if (x == '(' && ++depth > COMMENT_DEPTH)
            return REASON_FROM_COMMENT_DEEP;
        else if (x == ')' && --depth == 0) {
            c->at++;
            return REASON_OK;
        }
    }
    return REASON_FROM_COMMENT;
}

static enum reason skip_cfws(struct cursor *c)
{
    while (!at_end(c)) {
        if (span_is_fws(peek(c))) {
            c->at++;
            continue;
        }
        if (peek(c) != '(')
            break;
        enum reason r = skip_comment(c);
        if (r != REASON_OK)
            return r;
    }
    return REASON_OK;
}

static enum reason skip_quoted(struct cursor *c)
{
    for (c->at++; !at_end(c); c->at++) {
        if (peek(c) == '\\')
            c->at++;
        else if (peek(c) == '"') {
            c->at++;
            return REASON_OK;
        }
    }
    return REASON_FROM_QUOTE;
}

/* RFC 5322 §3.2.3 atext and the dot, or 8-bit. */
static bool is_atext(uint8_t x)
{
    static const char specials[] = "()<>[]:;@\\,\"";
    return x > 32 && x != 127 && memchr(specials, x, sizeof specials - 1) == NULL;
}

static struct span take_atom(struct cursor *c)
{
    size_t from = c->at;
    while (!at_end(c) && is_atext(peek(c)))
        c->at++;
    return span_cut(c->in, from, c->at);
}

static bool has_8bit(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] > 127)
            return true;
    return false;
}

static enum reason local_part(struct cursor *c)
{
    size_t from = c->at;
    if (peek(c) == '"') {
        enum reason r = skip_quoted(c);
        return r == REASON_OK && has_8bit(span_cut(c->in, from, c->at)) ? REASON_FROM_SPECIAL : r;
    }
    struct span atom = take_atom(c);
    if (atom.len == 0)
        return peek(c) == '@' || at_end(c) || peek(c) == '>' ? REASON_FROM_LOCAL : REASON_FROM_SPECIAL;
    if (atom.data[0] == '.' || atom.data[atom.len - 1] == '.')
        return REASON_FROM_DOTS;
    for (size_t i = 1; i < atom.len; i++)
        if (atom.data[i] == '.' && atom.data[i - 1] == '.')
            return REASON_FROM_DOTS;
    return has_8bit(atom) ? REASON_FROM_SPECIAL : REASON_OK;
}

/* local-part "@" domain, nothing between. */
static enum reason addr_spec(struct cursor *c, struct span *domain)
{
    enum reason r = local_part(c);
    if (r != REASON_OK)
        return r;
    if (peek(c) != '@')
        return REASON_FROM_NO_AT;
    c->at++;
    if (peek(c) == '[')
        return REASON_FROM_LITERAL;
    *domain = take_atom(c);
    enum name_fault bad = name_check(*domain);
    if (bad != NAME_OK)
        return (enum reason)(REASON_FROM_DOMAIN_EMPTY + (int)bad);
    return peek(c) == '@' ? REASON_FROM_TWO_AT : REASON_OK;
}

/* What stands behind a mailbox: comments and white space, no more. */
static enum reason behind(struct cursor *c)
{
    enum reason r = skip_cfws(c);
    if (r != REASON_OK || at_end(c))
        return r;
    return peek(c) == ',' ? REASON_FROM_LIST : REASON_FROM_BEHIND;
}

static enum reason angle_addr(struct cursor *c, struct span *domain)
{
    c->at++; /* "<" */
    if (peek(c) == '@' && span_find(span_cut(c->in, c->at, c->in.len), ':') < c->in.len - c->at)
        return REASON_FROM_ROUTE;
    enum reason r = addr_spec(c, domain);
    if (r != REASON_OK)
        return r;
    if (peek(c) != '>')
        return REASON_FROM_ANGLE;
    c->at++;
    return behind(c);
}

/* Words up to "<". Dots are allowed in them, as everybody writes them. */
static enum reason skip_phrase(struct cursor *c)
{
    for (;;) {
        enum reason r = skip_cfws(c);
        if (r != REASON_OK)
            return r;
        if (peek(c) == '<')
            return REASON_OK;
        if (peek(c) == '"')
            r = skip_quoted(c);
        else if (take_atom(c).len == 0)
            r = at_end(c) ? REASON_FROM_NO_AT : peek(c) == ':' ? REASON_FROM_GROUP : REASON_FROM_SPECIAL;
        if (r != REASON_OK)
            return r;
    }
}

/* RFC 3629: shortest form, no surrogates, at most U+10FFFF. */
static bool is_utf8(struct span s)
{
    for (size_t i = 0; i < s.len;) {
        uint8_t c = s.data[i++];
        if (c < 0x80)
            continue;
        size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || s.len - i < more)
            return false;
        uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        for (; more > 0; more--, low = 0x80, high = 0xbf) {
            if (s.data[i] < low || s.data[i] > high)
                return false;
            i++;
        }
    }
    return true;
}

enum reason from_domain(struct span value, bool allow_8bit, struct span *domain)
{
    struct cursor c = {.in = value, .at = 0};
    if (has_8bit(value) && !allow_8bit)
        return REASON_FROM_8BIT;
    if (!is_utf8(value))
        return REASON_FROM_UTF8;
    enum reason r = skip_cfws(&c);
    if (r != REASON_OK)
        return r;
    if (at_end(&c))
        return REASON_FROM_EMPTY;
    struct cursor plain = c; /* a bare address is a word, and then "@" */
    if (peek(&c) == '@' || (local_part(&plain) != REASON_FROM_QUOTE && peek(&plain) == '@')) {
        r = addr_spec(&c, domain);
        return r == REASON_OK ? behind(&c) : r;
    }
    r = skip_phrase(&c);
    return r == REASON_OK ? angle_addr(&c, domain) : r;
}
