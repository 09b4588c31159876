#include "import/ucl.h"

#include <stdlib.h>
#include <strings.h>

#include "base/err.h"

struct parser {
    struct bytes text;
    size_t at;
    unsigned line, nodes;
    const char *why; /* static; NULL: all is well */
};

static int peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.data[p->at] : -1;
}

static void step(struct parser *p)
{
    p->line += peek(p) == '\n';
    p->at++;
}

static bool starts(const struct parser *p, const char *word)
{
    return bytes_has_prefix(bytes_slice(p->text, p->at, p->text.len), bytes_str(word));
}

static void skip_comment(struct parser *p)
{
    if (peek(p) == '#') {
        while (peek(p) >= 0 && peek(p) != '\n')
            step(p);
        return;
    }
    unsigned depth = 0;
    do { /* these nest */
        int way = starts(p, "/*") ? 1 : starts(p, "*/") ? -1 : 0;
        depth += (unsigned)way;
        step(p);
        if (way != 0)
            step(p);
    } while (depth > 0 && peek(p) >= 0);
    if (depth > 0)
        p->why = "a comment does not end";
}

/* White space and comments, and with `ends` what stands between parts. */
static void skip(struct parser *p, bool ends)
{
    for (;;) {
        int c = peek(p);
        if (c == '#' || starts(p, "/*"))
            skip_comment(p);
        else if (c >= 0 && (ascii_is_fws((uint8_t)c) || (ends && (c == ';' || c == ','))))
            step(p);
        else
            return;
    }
}

static struct ucl *new_node(struct parser *p)
{
    struct ucl *u = calloc(1, sizeof *u);
    if (++p->nodes > UCL_NODES_MAX)
        p->why = "is too large";
    else if (u == NULL)
        p->why = "memory is short";
    if (p->why != NULL) {
        free(u);
        return NULL;
    }
    u->line = p->line;
    return u;
}

static char *taken(struct parser *p, struct buf *b)
{
    char *text = strdup(buf_cstr(b));
    if (text == NULL || b->failed)
        p->why = "memory is short";
    buf_free(b);
    return text;
}

static char *read_quoted(struct parser *p)
{
    struct buf b = BUF_INIT;
    int quote = peek(p);
    for (step(p); peek(p) >= 0 && peek(p) != quote; step(p)) {
        if (peek(p) == '\\' && p->at + 1 < p->text.len)
            step(p);
        buf_add_u8(&b, (uint8_t)peek(p));
    }
    if (peek(p) != quote)
        p->why = "a string does not end";
    step(p);
    return taken(p, &b);
}

/* <<WORD, lines, WORD: code, mostly. Its text is not kept. */
static char *read_here(struct parser *p)
{
    struct buf word = BUF_INIT, none = BUF_INIT;
    p->at += 2;
    while (peek(p) >= 'A' && peek(p) <= 'Z') {
        buf_add_u8(&word, (uint8_t)peek(p));
        step(p);
    }
    bool found = false;
    while (!found && peek(p) >= 0) {
        while (peek(p) >= 0 && peek(p) != '\n')
            step(p);
        if (peek(p) >= 0)
            step(p);
        found = word.len > 0 && starts(p, buf_cstr(&word));
    }
    if (found)
        p->at += word.len;
    else
        p->why = "a text (<<) does not end";
    buf_free(&word);
    buf_add_str(&none, "<<");
    return taken(p, &none);
}

static bool in_word(int c)
{
    return c >= 0 && !ascii_is_fws((uint8_t)c) && strchr("{}[];,=\"'#", c) == NULL;
}

/* A key: in quotes, or up to white space, = or {. */
static char *read_key(struct parser *p)
{
    struct buf b = BUF_INIT;
    if (peek(p) == '"' || peek(p) == '\'')
        return read_quoted(p);
    while (in_word(peek(p)) && !(peek(p) == ':' && b.len > 0)) {
        buf_add_u8(&b, (uint8_t)peek(p));
        step(p);
    }
    if (b.len == 0)
        p->why = "a name is missing";
    return taken(p, &b);
}

/* Up to the end of the line, ; , or a bracket that is not its own: ${...} is. */
static char *read_scalar(struct parser *p)
{
    struct buf b = BUF_INIT;
    unsigned depth = 0;
    for (int c = peek(p); c >= 0 && c != '\n' && c != ';' && c != ',' && c != '#' && c != ']'; c = peek(p)) {
        if (c == '}' && depth == 0)
            break;
        depth += c == '{' ? 1U : 0U;
        depth -= c == '}' ? 1U : 0U;
        buf_add_u8(&b, (uint8_t)c);
        step(p);
    }
    while (b.len > 0 && ascii_is_fws(b.data[b.len - 1]))
        b.len--;
    return taken(p, &b);
}

static void read_parts(struct parser *p, struct ucl *into, int end, unsigned depth);

static void read_value(struct parser *p, struct ucl *u, unsigned depth)
{
    int c = peek(p);
    if (c == '{' || c == '[') {
        step(p);
        read_parts(p, u, c == '{' ? '}' : ']', depth + 1);
    } else {
        u->value = c == '"' || c == '\'' ? read_quoted(p) : starts(p, "<<") ? read_here(p) : read_scalar(p);
    }
}

/* .include(try=true,priority=5) "path": its name, and the rest of the line. */
static void read_macro(struct parser *p, struct ucl *u)
{
    struct buf name = BUF_INIT, rest = BUF_INIT;
    for (int c = peek(p); c == '.' || c == '_' || (c >= 'a' && c <= 'z'); c = peek(p)) {
        buf_add_u8(&name, (uint8_t)c);
        step(p);
    }
    for (; peek(p) >= 0 && peek(p) != '\n'; step(p))
        buf_add_u8(&rest, (uint8_t)peek(p));
    u->key = taken(p, &name);
    u->value = taken(p, &rest);
}

/* key = value, key: value, key value, key { }, key name { } */
static void read_part(struct parser *p, struct ucl *u, unsigned depth)
{
    if (peek(p) == '.') {
        read_macro(p, u);
        return;
    }
    u->key = read_key(p);
    skip(p, false);
    if (p->why == NULL && (peek(p) == '=' || peek(p) == ':')) {
        step(p);
        skip(p, false);
    } else if (p->why == NULL && peek(p) != '{' && peek(p) != '[') {
        struct parser before = *p;
        char *name = in_word(peek(p)) || peek(p) == '"' ? read_key(p) : NULL;
        skip(p, false);
        if (name != NULL && p->why == NULL && peek(p) == '{' && (u->first = new_node(p)) != NULL) {
            u->first->key = name;
            read_value(p, u->first, depth);
            return;
        }
        free(name);
        *p = before;
    }
    if (p->why == NULL)
        read_value(p, u, depth);
}

static void read_parts(struct parser *p, struct ucl *into, int end, unsigned depth)
{
    struct ucl **tail = &into->first;
    if (depth > UCL_DEPTH_MAX)
        p->why = "is nested too deep";
    for (;;) {
        skip(p, true);
        if (p->why != NULL || peek(p) < 0 || peek(p) == end)
            break;
        size_t before = p->at;
        if ((*tail = new_node(p)) == NULL)
            return;
        if (end == ']')
            read_value(p, *tail, depth);
        else
            read_part(p, *tail, depth);
        if (p->why == NULL && p->at == before)
            p->why = "cannot be read";
        tail = &(*tail)->next;
    }
    if (p->why == NULL && end >= 0 && peek(p) != end)
        p->why = "a bracket does not close";
    if (p->why == NULL && end >= 0)
        step(p);
}

int ucl_parse(const char *name, struct bytes text, struct ucl **out, struct buf *why)
{
    struct parser p = {.text = text, .line = 1};
    *out = new_node(&p);
    if (*out != NULL)
        read_parts(&p, *out, -1, 0);
    if (p.why == NULL)
        return ZEGEL_OK;
    buf_addf(why, "%s:%u: %s", name, p.line, p.why);
    ucl_free(*out);
    *out = NULL;
    return ZEGEL_ERR_CONFIG;
}

void ucl_free(struct ucl *u)
{
    while (u != NULL) {
        struct ucl *next = u->next;
        ucl_free(u->first); /* at most UCL_DEPTH_MAX deep */
        free(u->key);
        free(u->value);
        free(u);
        u = next;
    }
}

const struct ucl *ucl_get(const struct ucl *u, const char *key)
{
    const struct ucl *found = NULL;
    for (const struct ucl *c = u == NULL ? NULL : u->first; c != NULL; c = c->next)
        if (c->key != NULL && strcmp(c->key, key) == 0)
            found = c;
    return found;
}
