#include "front/eximspool.h"

bool eximspool_is_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = ascii_lower(id.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return id.len > 0 && id.len <= EXIMSPOOL_ID_MAX;
}

static bool read_number(struct bytes digits, unsigned max, unsigned *out)
{
    unsigned n = 0;
    for (size_t i = 0; i < digits.len && n <= max; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        n = n * 10 + digits.data[i] - '0';
    }
    *out = n;
    return digits.len > 0 && n <= max;
}

/* "[192.0.2.1]:25" or, before Exim 4.96, with a dot. */
static bool read_client(struct bytes value, struct eximspool *out)
{
    size_t end = bytes_find(value, ']');
    if (value.len == 0 || value.data[0] != '[' || end < 2 || end + 2 >= value.len || out->client.len > 0 ||
        (value.data[end + 1] != ':' && value.data[end + 1] != '.'))
        return false;
    out->client = bytes_slice(value, 1, end);
    return read_number(bytes_slice(value, end + 2, value.len), 65535, &out->port) && out->port > 0;
}

/* The value of an ACL variable may hold line breaks: "NAME LENGTH", and then that many octets and a line break. */
static bool skip_variable(struct bytes value, struct bytes *rest)
{
    unsigned len;
    size_t at = bytes_find(value, ' ');
    if (at >= value.len || !read_number(bytes_slice(value, at + 1, value.len), 1u << 30, &len) || len >= rest->len ||
        rest->data[len] != '\n')
        return false;
    *rest = bytes_slice(*rest, len + 1, rest->len);
    return true;
}

static bool is(struct bytes b, const char *s)
{
    return bytes_eq(b, bytes_str(s));
}

/* One line "-NAME VALUE"; "--NAME" where the value came from outside. `*local`: by no network. */
static bool read_option(struct bytes line, struct bytes *rest, struct eximspool *out, bool *local)
{
    size_t dashes = line.len > 1 && line.data[1] == '-' ? 2 : 1, at = bytes_find(line, ' ');
    struct bytes name = bytes_slice(line, dashes, at), value = bytes_slice(line, at + 1, line.len);
    if (name.len == 0 || !(ascii_lower(name.data[0]) >= 'a' && ascii_lower(name.data[0]) <= 'z'))
        return false; /* a form that we do not know */
    if (bytes_has_prefix(name, BYTES_LIT("acl")))
        return skip_variable(value, rest);
    if (is(name, "host_address"))
        return read_client(value, out);
    if (is(name, "received_protocol"))
        *local = bytes_has_prefix(value, BYTES_LIT("local"));
    if (!is(name, "auth_id"))
        return true;
    bool first = out->user.len == 0;
    out->user = value;
    return first && value.len > 0;
}

bool eximspool_parse(struct bytes file, struct bytes id, struct eximspool *out)
{
    struct bytes rest = file, line = bytes_line(&rest);
    bool local = false;
    *out = (struct eximspool){.port = 0};
    if (!eximspool_is_id(id) || line.len != id.len + 2 || !bytes_has_prefix(line, id) ||
        !is(bytes_slice(line, id.len, line.len), "-H"))
        return false;
    (void)bytes_line(&rest); /* who submitted it */
    line = bytes_line(&rest);
    if (line.len < 2 || line.data[0] != '<' || line.data[line.len - 1] != '>')
        return false;
    out->sender = bytes_slice(line, 1, line.len - 1);
    (void)bytes_line(&rest); /* when */
    while (rest.len > 0 && rest.data[0] == '-') {
        line = bytes_line(&rest);
        if (!read_option(line, &rest, out, &local))
            return false;
    }
    if (out->client.len == 0)
        out->user = bytes_of(NULL, 0); /* for local mail that is the login name, and nobody gave a password */
    return rest.len > 0 && local == (out->client.len == 0);
}
