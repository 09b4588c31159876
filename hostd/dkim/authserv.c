#include "dkim/authserv.h"

enum { ID_MAX = 512, COMMENT_DEPTH_MAX = 64 };

struct reader {
    struct bytes in;
    size_t at;
};

static bool is_end(const struct reader *r)
{
    return r->at >= r->in.len;
}

static uint8_t peek(const struct reader *r)
{
    return is_end(r) ? 0 : r->in.data[r->at];
}

/* RFC 5322 §3.2.2: a comment, which may hold others. False when it does not end. */
static bool skip_comment(struct reader *r)
{
    unsigned depth = 0;
    for (; !is_end(r); r->at++) {
        uint8_t c = peek(r);
        if (c == '\\')
            r->at++;
        else if (c == '(' && ++depth > COMMENT_DEPTH_MAX)
            return false;
        else if (c == ')' && --depth == 0) {
            r->at++;
            return true;
        }
    }
    return false;
}

static bool skip_cfws(struct reader *r)
{
    while (!is_end(r)) {
        if (ascii_is_fws(peek(r)))
            r->at++;
        else if (peek(r) != '(')
            return true;
        else if (!skip_comment(r))
            return false;
    }
    return true;
}

/* RFC 2045 §5.1: printable US-ASCII but for tspecials. */
static bool is_token(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* A value as RFC 2045 has it, without its quotes, into `id`. Returns its length; 0: there is none, or not one that can be read.
 */
static size_t read_value(struct reader *r, uint8_t id[ID_MAX])
{
    size_t n = 0;
    bool quoted = peek(r) == '"';
    r->at += quoted;
    for (; !is_end(r) && (quoted ? peek(r) != '"' : is_token(peek(r))); r->at++) {
        if (quoted && peek(r) == '\\')
            r->at++;
        if (is_end(r) || n == ID_MAX)
            return 0;
        if (peek(r) != '\r' && peek(r) != '\n') /* a fold in a quoted string is the white space behind it */
            id[n++] = peek(r);
    }
    if (quoted && is_end(r))
        return 0;
    r->at += quoted;
    return n;
}

/* Behind the id: nothing, ";", or a version number and then one of these. */
static bool ends_well(struct reader *r)
{
    if (!skip_cfws(r))
        return false;
    size_t before = r->at;
    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return (r->at == before || skip_cfws(r)) && (is_end(r) || peek(r) == ';');
}

static struct bytes without_dot(struct bytes name)
{
    return name.len > 0 && name.data[name.len - 1] == '.' ? bytes_slice(name, 0, name.len - 1) : name;
}

/* A CR or LF that is no part of a fold: what is behind the first one at or after `at`; value.len + 1: there is none. */
static size_t behind_break(struct bytes value, size_t at)
{
    for (; at < value.len; at++) {
        uint8_t c = value.data[at], next = at + 1 < value.len ? value.data[at + 1] : 0;
        if ((c == '\r' && next != '\n') || (c == '\n' && !ascii_is_wsp(next)))
            return at + 1;
    }
    return value.len + 1;
}

bool authserv_is_hidden_in(struct bytes value)
{
    struct bytes name = BYTES_LIT("Authentication-Results");
    for (size_t at = behind_break(value, 0); at <= value.len; at = behind_break(value, at))
        if (bytes_ieq(bytes_slice(value, at, at + name.len), name))
            return true;
    return false;
}

enum authserv authserv_of(struct bytes value, struct bytes id)
{
    struct reader r = {.in = value, .at = 0};
    uint8_t room[ID_MAX];
    size_t n = skip_cfws(&r) ? read_value(&r, room) : 0;
    struct bytes found = bytes_trim(bytes_of(room, n));
    if (n == 0 || !ends_well(&r) || behind_break(value, 0) <= value.len)
        return AUTHSERV_UNREADABLE;
    for (size_t i = 0; i < found.len; i++)
        if (!is_token(found.data[i]))
            return AUTHSERV_UNREADABLE; /* quoted, so that it may hold anything: no name of a host does */
    return bytes_ieq(without_dot(found), without_dot(id)) ? AUTHSERV_OURS : AUTHSERV_OTHER;
}
