#include "dkim/sigheader.h"

#include "dkim/base64.h"
#include "dkim/domain.h"
#include "dkim/idna.h"

enum { FOLD_AT = 78 };

const char *dkim_algorithm_name(enum dkim_algorithm a)
{
    return a == DKIM_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256";
}

/* ---- make ---- */

/* A word that starts a new line when it would end behind column FOLD_AT. */
struct folder {
    struct out *out;
    size_t column;
};

static void put(struct folder *f, struct bytes word)
{
    out_add(f->out, word);
    f->column += word.len;
}

static void fold(struct folder *f)
{
    out_add(f->out, BYTES_LIT("\r\n\t"));
    f->column = 8;
}

/* " name=value;" */
static void put_tag(struct folder *f, const char *name, struct bytes value)
{
    size_t len = 1 + strlen(name) + 1 + value.len + 1;
    if (f->column + len > FOLD_AT)
        fold(f);
    else
        put(f, BYTES_LIT(" "));
    put(f, bytes_str(name));
    put(f, BYTES_LIT("="));
    put(f, value);
    put(f, BYTES_LIT(";"));
}

static void put_number(struct folder *f, const char *name, int64_t n)
{
    uint8_t digits[20];
    struct out o = out_of(digits, sizeof digits);
    out_u64(&o, n < 0 ? 0 : (uint64_t)n);
    put_tag(f, name, out_bytes(&o));
}

static void put_names(struct folder *f, const struct selected *sel)
{
    fold(f);
    put(f, BYTES_LIT("h="));
    for (size_t i = 0; i < sel->count; i++) {
        struct bytes name = bytes_str(sel->entries[i].name);
        if (i > 0)
            put(f, BYTES_LIT(":"));
        if (f->column + name.len + 1 > FOLD_AT) {
            fold(f);
            put(f, BYTES_LIT(" "));
        }
        put(f, name);
    }
    put(f, BYTES_LIT(";"));
}

void sigheader_make(const struct sigheader_params *p, const struct selected *sel, const uint8_t bh[DKIM_HASH_LEN],
                    struct out *value)
{
    static const char *const canon[2][2] = {{"simple/simple", "simple/relaxed"}, {"relaxed/simple", "relaxed/relaxed"}};
    uint8_t hash[BASE64_LEN(DKIM_HASH_LEN)];
    struct out hash64 = out_of(hash, sizeof hash);
    base64_encode(bytes_of(bh, DKIM_HASH_LEN), &hash64);

    struct folder f = {.out = value, .column = sizeof "DKIM-Signature:" - 1};
    put_tag(&f, "v", BYTES_LIT("1"));
    put_tag(&f, "a", bytes_str(dkim_algorithm_name(p->algorithm)));
    put_tag(&f, "c", bytes_str(canon[p->relaxed_header][p->relaxed_body]));
    put_tag(&f, "d", p->domain);
    put_tag(&f, "s", p->selector);
    if (p->identity.len > 0)
        put_tag(&f, "i", p->identity);
    put_number(&f, "t", p->timestamp);
    if (p->expire > 0)
        put_number(&f, "x", p->expire);
    put_names(&f, sel);
    put_tag(&f, "bh", out_bytes(&hash64));
    fold(&f);
    put(&f, BYTES_LIT("b="));
}

void sigheader_add_signature(struct bytes sig, struct out *value)
{
    uint8_t text[BASE64_LEN(DKIM_SIGNATURE_MAX)];
    struct out o = out_of(text, sizeof text);
    base64_encode(sig, &o);
    if (o.overflow) {
        value->overflow = true;
        return;
    }
    size_t room = FOLD_AT - 8 - 2; /* behind "\tb=" */
    for (size_t at = 0; at < o.len; room = FOLD_AT - 8 - 1) {
        if (at > 0)
            out_add(value, BYTES_LIT("\r\n\t "));
        out_add(value, bytes_slice(out_bytes(&o), at, at + room));
        at += room;
    }
}

/* ---- read ---- */

const char *sigheader_strerror(enum sigheader_error e)
{
    switch (e) {
    case SIG_OK: return "ok";
    case SIG_SYNTAX: return "signature syntax error";
    case SIG_VERSION: return "unsupported signature version";
    case SIG_MISSING_TAG: return "a required tag is missing";
    case SIG_ALGORITHM: return "unsupported algorithm";
    case SIG_CANONICALIZATION: return "unsupported canonicalization";
    case SIG_DOMAIN: return "d=, s= or i= is not valid";
    case SIG_FROM_UNSIGNED: return "From is not signed";
    case SIG_EXPIRED_BEFORE_SIGNED: return "x= is not later than t=";
    case SIG_BODY_HASH: return "bh= is not a SHA-256";
    case SIG_BODY_LENGTH: return "l= leaves part of the body unsigned";
    case SIG_QUERY: return "unsupported query method";
    case SIG_TOO_MANY: return "h= names too many fields";
    }
    return "unknown";
}

/* 1 to 12 digits (§3.5, t= and x=). -1 when it is something else. */
static int64_t parse_seconds(struct bytes v)
{
    int64_t n = 0;
    if (v.len == 0 || v.len > 12)
        return -1;
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return -1;
        n = n * 10 + (v.data[i] - '0');
    }
    return n;
}

bool sigheader_next_name(struct bytes *rest, struct bytes *name)
{
    if (rest->data == NULL)
        return false;
    size_t colon = bytes_find(*rest, ':');
    *name = bytes_trim(bytes_slice(*rest, 0, colon));
    *rest = colon == rest->len ? bytes_of(NULL, 0) : bytes_slice(*rest, colon + 1, rest->len);
    return true;
}

static enum sigheader_error check_names(struct bytes h)
{
    struct bytes name;
    size_t count = 0;
    bool from = false;
    while (sigheader_next_name(&h, &name)) {
        if (name.len == 0)
            return SIG_SYNTAX;
        for (size_t i = 0; i < name.len; i++)
            if (name.data[i] < 33 || name.data[i] > 126)
                return SIG_SYNTAX;
        if (++count > DKIM_SELECTED_MAX)
            return SIG_TOO_MANY;
        from = from || bytes_ieq(name, BYTES_LIT("from"));
    }
    return from ? SIG_OK : SIG_FROM_UNSIGNED;
}

static bool parse_algorithm(struct bytes a, struct sigheader *out)
{
    if (bytes_ieq(a, BYTES_LIT("rsa-sha256")))
        out->algorithm = DKIM_RSA_SHA256;
    else if (bytes_ieq(a, BYTES_LIT("ed25519-sha256")))
        out->algorithm = DKIM_ED25519_SHA256;
    else {
        out->sha1 = bytes_ieq(a, BYTES_LIT("rsa-sha1"));
        return false;
    }
    return true;
}

/* "relaxed", "simple" or absent; each half defaults to simple (§3.5 c=). */
static bool parse_canon(struct bytes c, struct sigheader *out)
{
    size_t slash = bytes_find(c, '/');
    struct bytes half[2] = {bytes_slice(c, 0, slash), bytes_slice(c, slash + 1, c.len)};
    bool relaxed[2] = {false, false};
    if (c.data == NULL)
        return true;
    for (int i = 0; i < (slash == c.len ? 1 : 2); i++) {
        relaxed[i] = bytes_ieq(half[i], BYTES_LIT("relaxed"));
        if (!relaxed[i] && !bytes_ieq(half[i], BYTES_LIT("simple")))
            return false;
    }
    out->relaxed_header = relaxed[0];
    out->relaxed_body = relaxed[1];
    return true;
}

struct bytes sigheader_identity_domain(const struct sigheader *s)
{
    size_t at = s->identity.len;
    while (at > 0 && s->identity.data[at - 1] != '@')
        at--;
    return at == 0 ? bytes_of(NULL, 0) : bytes_slice(s->identity, at, s->identity.len);
}

static bool check_identity(const struct sigheader *s)
{
    struct bytes d = sigheader_identity_domain(s);
    return s->identity.data == NULL || (domain_is_international(d) && idna_is_within(d, s->domain));
}

static bool parse_query(struct bytes q)
{
    struct bytes method;
    if (q.data == NULL)
        return true;
    while (sigheader_next_name(&q, &method))
        if (bytes_ieq(method, BYTES_LIT("dns/txt")))
            return true;
    return false;
}

static bool parse_body_hash(struct bytes bh, uint8_t hash[DKIM_HASH_LEN])
{
    uint8_t decoded[DKIM_HASH_LEN + 3];
    struct out o = out_of(decoded, sizeof decoded);
    if (!base64_decode(bh, &o) || o.len != DKIM_HASH_LEN)
        return false;
    memcpy(hash, decoded, DKIM_HASH_LEN);
    return true;
}

/* Where b='s value stands, white space around it included. Tag names cannot hide in values: ";" ends every value. */
static struct bytes find_b_region(struct bytes value)
{
    size_t at = 0;
    while (at < value.len) {
        size_t end = at + bytes_find(bytes_slice(value, at, value.len), ';');
        struct bytes spec = bytes_slice(value, at, end);
        size_t eq = bytes_find(spec, '=');
        if (eq < spec.len && bytes_eq(bytes_trim(bytes_slice(spec, 0, eq)), BYTES_LIT("b")))
            return bytes_slice(spec, eq + 1, spec.len);
        at = end + 1;
    }
    return bytes_of(NULL, 0);
}

static enum sigheader_error parse_times(const struct taglist *tags, struct sigheader *out)
{
    struct bytes t = taglist_get(tags, "t"), x = taglist_get(tags, "x");
    out->timestamp = t.data == NULL ? -1 : parse_seconds(t);
    out->expire = x.data == NULL ? -1 : parse_seconds(x);
    if ((t.data != NULL && out->timestamp < 0) || (x.data != NULL && out->expire < 0))
        return SIG_SYNTAX;
    if (out->timestamp >= 0 && out->expire >= 0 && out->expire <= out->timestamp)
        return SIG_EXPIRED_BEFORE_SIGNED;
    return SIG_OK;
}

enum sigheader_error sigheader_parse(struct bytes value, struct sigheader *out)
{
    static const char *const required[] = {"v", "a", "b", "bh", "d", "h", "s", NULL};
    struct taglist tags;
    *out = (struct sigheader){.timestamp = -1, .expire = -1};
    if (!taglist_parse(value, &tags))
        return SIG_SYNTAX;
    out->domain = taglist_get(&tags, "d");
    out->selector = taglist_get(&tags, "s");
    out->identity = taglist_get(&tags, "i");
    out->h = taglist_get(&tags, "h");
    out->b = taglist_get(&tags, "b");
    out->b_region = find_b_region(value);
    out->has_l = taglist_get(&tags, "l").data != NULL;
    for (const char *const *r = required; *r != NULL; r++)
        if (taglist_get(&tags, *r).data == NULL)
            return SIG_MISSING_TAG;
    if (!bytes_eq(taglist_get(&tags, "v"), BYTES_LIT("1")))
        return SIG_VERSION;
    if (!domain_is_international(out->domain) || !domain_is_international(out->selector) || !check_identity(out))
        return SIG_DOMAIN;
    if (!parse_algorithm(taglist_get(&tags, "a"), out))
        return SIG_ALGORITHM;
    if (!parse_canon(taglist_get(&tags, "c"), out))
        return SIG_CANONICALIZATION;
    if (!parse_query(taglist_get(&tags, "q")))
        return SIG_QUERY;
    if (!parse_body_hash(taglist_get(&tags, "bh"), out->bh))
        return SIG_BODY_HASH;
    enum sigheader_error e = check_names(out->h);
    if (e == SIG_OK)
        e = parse_times(&tags, out);
    return e == SIG_OK && out->has_l ? SIG_BODY_LENGTH : e;
}
