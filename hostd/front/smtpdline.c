#include "front/smtpdline.h"

/* The version from which a report's user name stands behind the result, so that a "|" in it changes nothing. */
enum { VERSION_USER_LAST = 7, VERSION_OLDEST = 6, VERSION_NEWEST = 7 };

/* What is before the next "|", and steps over that. */
static struct bytes next(struct bytes *rest)
{
    size_t at = bytes_find(*rest, '|');
    struct bytes field = bytes_slice(*rest, 0, at);
    *rest = bytes_slice(*rest, at < rest->len ? at + 1 : at, rest->len);
    return field;
}

/* What is behind the last "|", and cuts that off. */
static struct bytes last(struct bytes *rest)
{
    size_t at = rest->len;
    while (at > 0 && rest->data[at - 1] != '|')
        at--;
    struct bytes field = bytes_slice(*rest, at, rest->len);
    *rest = bytes_slice(*rest, 0, at > 0 ? at - 1 : 0);
    return field;
}

static bool is(struct bytes b, const char *s)
{
    return bytes_eq(b, bytes_str(s));
}

static bool is_id(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!((b.data[i] >= '0' && b.data[i] <= '9') || (b.data[i] >= 'a' && b.data[i] <= 'f')))
            return false;
    return b.len > 0 && b.len <= SMTPDLINE_ID_MAX;
}

/* "0.6": 6. 0: not one we know. */
static unsigned version_of(struct bytes b)
{
    unsigned v = b.len == 3 && b.data[0] == '0' && b.data[1] == '.' ? (unsigned)b.data[2] - '0' : 0;
    return v >= VERSION_OLDEST && v <= VERSION_NEWEST ? v : 0;
}

/* "192.0.2.1:25", "[2001:db8::1]:25", "[IPv6:...]:25", "unix:/path" */
static bool read_source(struct bytes source, struct smtpdline *out)
{
    unsigned long port = 0;
    if (bytes_has_prefix(source, BYTES_LIT("unix:")))
        return true;
    size_t at = source.len;
    while (at > 0 && source.data[at - 1] >= '0' && source.data[at - 1] <= '9')
        at--;
    for (size_t i = at; i < source.len && port <= 65535; i++)
        port = port * 10 + source.data[i] - '0';
    if (at < 2 || source.data[at - 1] != ':' || port == 0 || port > 65535)
        return false;
    struct bytes host = bytes_slice(source, 0, at - 1);
    if (host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = bytes_slice(host, 1, host.len - 1);
    if (bytes_has_prefix(host, BYTES_LIT("IPv6:")))
        host = bytes_slice(host, 5, host.len);
    out->client = host;
    out->port = (unsigned)port;
    return host.len > 0;
}

static enum smtpdline_kind read_auth(struct bytes rest, unsigned version, struct smtpdline *out)
{
    struct bytes result = version >= VERSION_USER_LAST ? next(&rest) : last(&rest);
    out->text = rest;
    return !is(result, "pass") ? SMTPDLINE_OTHER : rest.len == 0 ? SMTPDLINE_BAD : SMTPDLINE_AUTH;
}

static enum smtpdline_kind read_report(struct bytes event, struct bytes rest, unsigned version, struct smtpdline *out)
{
    struct bytes source;
    if (is(event, "link-connect")) { /* name, whether it is that address's, source, destination */
        (void)last(&rest);
        source = last(&rest);
        return read_source(source, out) ? SMTPDLINE_CONNECT : SMTPDLINE_BAD;
    }
    if (is(event, "link-disconnect"))
        return SMTPDLINE_DISCONNECT;
    if (is(event, "link-auth"))
        return read_auth(rest, version, out);
    if (is(event, "tx-reset"))
        return SMTPDLINE_RESET;
    if (!is(event, "tx-mail"))
        return SMTPDLINE_OTHER;
    out->id = next(&rest);
    struct bytes result = next(&rest);
    out->text = rest;
    return !is(result, "ok") ? SMTPDLINE_OTHER : is_id(out->id) ? SMTPDLINE_MAIL : SMTPDLINE_BAD;
}

static enum smtpdline_kind read_filter(struct bytes phase, struct bytes rest, struct smtpdline *out)
{
    out->token = next(&rest);
    out->text = rest;
    if (!is(phase, "data-line") && !is(phase, "commit"))
        return SMTPDLINE_OTHER;
    return !is_id(out->token) ? SMTPDLINE_BAD : is(phase, "commit") ? SMTPDLINE_COMMIT : SMTPDLINE_DATA;
}

struct smtpdline smtpdline_parse(struct bytes line)
{
    struct smtpdline out = {.kind = SMTPDLINE_OTHER};
    struct bytes rest = line, what = next(&rest);
    bool report = is(what, "report"), filter = is(what, "filter");
    if (is(line, "config|ready"))
        out.kind = SMTPDLINE_READY;
    if (!report && !filter)
        return out;
    unsigned version = version_of(next(&rest));
    (void)next(&rest); /* the time */
    struct bytes subsystem = next(&rest), event = next(&rest);
    out.session = next(&rest);
    if (version == 0)
        out.kind = SMTPDLINE_VERSION;
    else if (!is(subsystem, "smtp-in") || !is_id(out.session))
        out.kind = SMTPDLINE_BAD;
    else
        out.kind = report ? read_report(event, rest, version, &out) : read_filter(event, rest, &out);
    return out;
}
