#include "check/dmarc.h"

#include "dkim/domain.h"

static struct bytes trim_wsp(struct bytes b)
{
    while (b.len > 0 && ascii_is_wsp(b.data[0]))
        b = bytes_slice(b, 1, b.len);
    while (b.len > 0 && ascii_is_wsp(b.data[b.len - 1]))
        b.len--;
    return b;
}

const char *dmarc_policy_name(enum dmarc_policy p)
{
    static const char *const names[] = {"-", "none", "quarantine", "reject", "?"};
    return names[p];
}

enum dmarc_policy dmarc_applied(enum dmarc_policy p, bool testing)
{
    return testing && (p == DMARC_QUARANTINE || p == DMARC_REJECT) ? p - 1 : p;
}

static enum dmarc_policy read_policy(struct bytes value)
{
    for (enum dmarc_policy p = DMARC_NONE; p <= DMARC_REJECT; p++)
        if (bytes_ieq(value, bytes_str(dmarc_policy_name(p))))
            return p;
    return DMARC_BAD;
}

/* One letter of those, lower case; 0 when the value is none. */
static char read_letter(struct bytes value, const char *letters)
{
    char c = value.len == 1 ? (char)ascii_lower(value.data[0]) : '\0';
    return c != '\0' && strchr(letters, c) != NULL ? c : '\0';
}

static bool is_one_of(struct bytes value, const char *const *all)
{
    for (; *all != NULL; all++)
        if (bytes_ieq(value, bytes_str(*all)))
            return true;
    return false;
}

/* A list of which at least the form is right: a scheme and something behind it, everywhere. */
static bool is_uri_list(struct bytes list)
{
    struct bytes uri;
    unsigned n = 0;
    while (dmarc_next_uri(&list, &uri)) {
        size_t colon = bytes_find(uri, ':');
        if (colon == 0 || colon + 1 >= uri.len || bytes_find(uri, ' ') < uri.len)
            return false;
        n++;
    }
    return n > 0;
}

static bool read_list(struct bytes value, struct bytes *list, struct dmarc *out)
{
    *list = value;
    if (bytes_find(value, '!') < value.len) /* a size limit, which RFC 9989 has no more */
        out->removed = bytes_slice(value, bytes_find(value, '!'), value.len);
    return is_uri_list(value);
}

/* False: the value is none of this tag's kind. */
static bool read_tag(struct bytes name, struct bytes value, struct dmarc *out)
{
    static const char *const fo[] = {"0", "1", "d", "s", "d:s", "s:d", "0:1:d:s", "1:d:s", "0:d:s", "1:d", "1:s", "0:1", NULL};
    static const char *const removed[] = {"pct", "rf", "ri", NULL};
    char letter;
    if (bytes_ieq(name, BYTES_LIT("p")))
        return (out->p = read_policy(value)) != DMARC_BAD;
    if (bytes_ieq(name, BYTES_LIT("sp")))
        return (out->sp = read_policy(value)) != DMARC_BAD;
    if (bytes_ieq(name, BYTES_LIT("np")))
        return (out->np = read_policy(value)) != DMARC_BAD;
    if (bytes_ieq(name, BYTES_LIT("t"))) {
        letter = read_letter(value, "yn");
        out->testing = letter == 'y';
        return letter != '\0';
    }
    if (bytes_ieq(name, BYTES_LIT("psd"))) {
        letter = read_letter(value, "ynu");
        out->psd = letter == '\0' ? 'u' : letter;
        return letter != '\0';
    }
    if (bytes_ieq(name, BYTES_LIT("adkim")) || bytes_ieq(name, BYTES_LIT("aspf")))
        return read_letter(value, "rs") != '\0';
    if (bytes_ieq(name, BYTES_LIT("rua")))
        return read_list(value, &out->rua, out);
    if (bytes_ieq(name, BYTES_LIT("ruf")))
        return read_list(value, &out->ruf, out);
    if (bytes_ieq(name, BYTES_LIT("fo")))
        return is_one_of(value, fo);
    if (is_one_of(name, removed))
        out->removed = name;
    else
        out->unknown = name;
    return true;
}

/* "NAME=VALUE", trimmed; false when it is none. */
static bool split(struct bytes part, struct bytes *name, struct bytes *value)
{
    size_t equals = bytes_find(part, '=');
    *name = trim_wsp(bytes_slice(part, 0, equals));
    *value = trim_wsp(bytes_slice(part, equals + 1, part.len));
    if (equals == part.len || name->len == 0 || value->len == 0)
        return false;
    for (size_t i = 0; i < name->len; i++)
        if (ascii_lower(name->data[i]) < 'a' || ascii_lower(name->data[i]) > 'z')
            return false;
    return true;
}

bool dmarc_parse(struct bytes text, struct dmarc *out)
{
    struct bytes name, value;
    *out = (struct dmarc){.psd = 'u'};
    if (text.len == 0)
        return false;
    for (unsigned n = 0; text.len > 0; n++) {
        size_t end = bytes_find(text, ';');
        struct bytes part = trim_wsp(bytes_slice(text, 0, end));
        text = bytes_slice(text, end + 1, text.len);
        bool good = split(part, &name, &value);
        if (n == 0 && (!good || !bytes_eq(name, BYTES_LIT("v")) || !bytes_eq(value, BYTES_LIT("DMARC1"))))
            return false;
        if (n == 0)
            continue;
        if (part.len == 0 && text.len == 0) /* one ";" at the end is allowed */
            break;
        bool is_p = good && bytes_ieq(name, BYTES_LIT("p"));
        out->p_late = out->p_late || (is_p && n != 1);
        if ((!good || !read_tag(name, value, out)) && out->bad.data == NULL)
            out->bad = part.len > 0 ? part : BYTES_LIT(";;");
    }
    return true;
}

const char *dmarc_parent(const char *name)
{
    enum { SHORTCUT = 8, LEFT = 7 };
    unsigned labels = 1;
    for (const char *p = name; *p != '\0'; p++)
        labels += *p == '.';
    unsigned drop = labels >= SHORTCUT ? labels - LEFT : 1;
    for (; drop > 0 && name != NULL; drop--)
        name = strchr(name, '.') == NULL ? NULL : strchr(name, '.') + 1;
    return name;
}

bool dmarc_next_uri(struct bytes *list, struct bytes *uri)
{
    if (list->data == NULL || list->len == 0)
        return false;
    size_t end = bytes_find(*list, ',');
    *uri = trim_wsp(bytes_slice(*list, 0, end));
    *list = bytes_slice(*list, end + 1, list->len);
    return true;
}

bool dmarc_mail_host(struct bytes uri, char *host, size_t cap)
{
    struct bytes scheme = BYTES_LIT("mailto:");
    if (!bytes_ieq(bytes_slice(uri, 0, scheme.len), scheme))
        return false;
    struct bytes address = bytes_slice(uri, scheme.len, uri.len);
    address = bytes_slice(address, 0, bytes_find(address, '!')); /* "!10m": a size limit of old (RFC 7489 §6.2) */
    address = bytes_slice(address, 0, bytes_find(address, '?'));
    size_t at = address.len;
    while (at > 0 && address.data[at - 1] != '@')
        at--;
    struct bytes domain = bytes_slice(address, at, address.len);
    if (at < 2 || domain.len >= cap || !domain_is_valid(domain))
        return false;
    for (size_t i = 0; i < domain.len; i++)
        host[i] = (char)ascii_lower(domain.data[i]);
    host[domain.len] = '\0';
    return true;
}
