#include "dkim/from.h"

#include "dkim/domain.h"
#include "dkim/idna.h"

/* A cursor over the field. Every step either moves forward or fails. */
struct cursor {
    struct bytes in;
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

/* A comment, nested up to a small depth. */
static bool skip_comment(struct cursor *c)
{
    unsigned depth = 0;
    for (; !at_end(c); c->at++) {
        uint8_t x = peek(c);
        if (x == '\\')
            c->at++;
        else if (x == '(' && ++depth > 8)
            return false;
        else if (x == ')' && --depth == 0) {
            c->at++;
            return true;
        }
    }
    return false;
}

static bool skip_cfws(struct cursor *c)
{
    while (!at_end(c)) {
        if (ascii_is_fws(peek(c)))
            c->at++;
        else if (peek(c) != '(')
            return true;
        else if (!skip_comment(c))
            return false;
    }
    return true;
}

static bool skip_quoted(struct cursor *c)
{
    for (c->at++; !at_end(c); c->at++) {
        if (peek(c) == '\\')
            c->at++;
        else if (peek(c) == '"') {
            c->at++;
            return true;
        }
    }
    return false;
}

/* RFC 5322 §3.2.3 atext, a dot, or 8-bit (RFC 6532). */
static bool is_dot_atext(uint8_t x)
{
    static const char specials[] = "()<>[]:;@\\,\"";
    return x > 32 && x != 127 && strchr(specials, x) == NULL;
}

static bool skip_dot_atom(struct cursor *c)
{
    size_t from = c->at;
    while (!at_end(c) && is_dot_atext(peek(c)))
        c->at++;
    return c->at > from;
}

/* A name that DNS can have; U-labels that are none only look like a name. */
static bool is_author_domain(struct bytes d)
{
    uint8_t room[DKIM_DOMAIN_MAX];
    struct out ascii = out_of(room, sizeof room);
    return domain_is_international(d) && idna_ascii(d, &ascii);
}

/* local-part "@" domain, nothing between. */
static bool addr_spec(struct cursor *c, struct bytes *domain)
{
    if (!(peek(c) == '"' ? skip_quoted(c) : skip_dot_atom(c)))
        return false;
    if (peek(c) != '@')
        return false;
    size_t from = ++c->at;
    if (!skip_dot_atom(c))
        return false;
    *domain = bytes_slice(c->in, from, c->at);
    return is_author_domain(*domain);
}

/* phrase: words before "<". Dots are allowed, as everybody writes them. */
static bool skip_phrase(struct cursor *c)
{
    for (;;) {
        if (!skip_cfws(c))
            return false;
        if (peek(c) == '<')
            return true;
        if (!(peek(c) == '"' ? skip_quoted(c) : skip_dot_atom(c)))
            return false;
    }
}

static bool mailbox(struct cursor *c, struct bytes *domain)
{
    if (!skip_cfws(c))
        return false;
    struct cursor plain = *c;
    if (addr_spec(&plain, domain) && skip_cfws(&plain) && (at_end(&plain) || peek(&plain) == ',')) {
        *c = plain;
        return true;
    }
    if (!skip_phrase(c))
        return false;
    c->at++; /* "<" */
    if (!addr_spec(c, domain) || peek(c) != '>')
        return false;
    c->at++;
    return skip_cfws(c) && (at_end(c) || peek(c) == ',');
}

enum from_result from_domain(struct bytes value, struct bytes *domain)
{
    struct cursor c = {.in = value, .at = 0};
    struct bytes first = {NULL, 0};
    enum from_result result = FROM_OK;
    for (;;) {
        struct bytes d;
        if (!mailbox(&c, &d))
            return FROM_MALFORMED;
        if (first.data == NULL)
            first = d;
        else if (!idna_is_same(first, d))
            result = FROM_AMBIGUOUS;
        if (at_end(&c))
            break;
        c.at++; /* "," */
    }
    *domain = first;
    return result;
}
