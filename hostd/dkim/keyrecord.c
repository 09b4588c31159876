#include "dkim/keyrecord.h"

#include "dkim/base64.h"
#include "dkim/idna.h"

const char *keyrecord_strerror(enum keyrecord_error e)
{
    switch (e) {
    case KEYRECORD_OK: return "ok";
    case KEYRECORD_SYNTAX: return "key syntax error";
    case KEYRECORD_REVOKED: return "key revoked";
    case KEYRECORD_KEY: return "key cannot be read";
    case KEYRECORD_TYPE: return "inappropriate key algorithm";
    case KEYRECORD_HASH: return "inappropriate hash algorithm";
    case KEYRECORD_SERVICE: return "inappropriate service type";
    case KEYRECORD_SUBDOMAIN: return "i= in a subdomain is not allowed by the key";
    }
    return "unknown";
}

/* A colon-separated list, names compared without case. */
static bool list_has(struct bytes list, struct bytes name)
{
    struct bytes item;
    while (sigheader_next_name(&list, &item))
        if (bytes_ieq(item, name))
            return true;
    return false;
}

static enum keyrecord_error check_scope(const struct taglist *t, const struct sigheader *sig, struct keyrecord *out)
{
    struct bytes k = taglist_get(t, "k"), h = taglist_get(t, "h"), s = taglist_get(t, "s"), flags = taglist_get(t, "t");
    bool rsa = k.data == NULL || bytes_ieq(k, BYTES_LIT("rsa"));
    if (!rsa && !bytes_ieq(k, BYTES_LIT("ed25519")))
        return KEYRECORD_TYPE;
    if (rsa != (sig->algorithm == DKIM_RSA_SHA256))
        return KEYRECORD_TYPE;
    if (h.data != NULL && !list_has(h, BYTES_LIT("sha256")))
        return KEYRECORD_HASH;
    if (s.data != NULL && !list_has(s, BYTES_LIT("*")) && !list_has(s, BYTES_LIT("email")))
        return KEYRECORD_SERVICE;
    out->testing = flags.data != NULL && list_has(flags, BYTES_LIT("y"));
    bool strict = flags.data != NULL && list_has(flags, BYTES_LIT("s"));
    if (strict && sig->identity.data != NULL && !idna_is_within(sig->domain, sigheader_identity_domain(sig)))
        return KEYRECORD_SUBDOMAIN; /* i= lies within d= already: now both are the same */
    return KEYRECORD_OK;
}

enum keyrecord_error keyrecord_parse(struct bytes txt, const struct sigheader *sig, struct keyrecord *out)
{
    struct taglist t;
    uint8_t room[DKIM_KEYRECORD_MAX];
    struct out der = out_of(room, sizeof room);
    *out = (struct keyrecord){.key = NULL, .testing = false};
    if (txt.len > DKIM_KEYRECORD_MAX || !taglist_parse(txt, &t))
        return KEYRECORD_SYNTAX;
    struct bytes v = taglist_get(&t, "v"), p = taglist_get(&t, "p");
    if (v.data != NULL && (!bytes_eq(v, BYTES_LIT("DKIM1")) || !bytes_eq(t.tags[0].name, BYTES_LIT("v"))))
        return KEYRECORD_SYNTAX;
    if (p.data == NULL)
        return KEYRECORD_SYNTAX;
    enum keyrecord_error e = check_scope(&t, sig, out);
    if (e != KEYRECORD_OK)
        return e;
    if (p.len == 0)
        return KEYRECORD_REVOKED;
    if (!base64_decode(p, &der))
        return KEYRECORD_KEY;
    out->key = digest_key_from_record(sig->algorithm == DKIM_RSA_SHA256 ? DIGEST_KEY_RSA : DIGEST_KEY_ED25519, out_bytes(&der));
    return out->key == NULL ? KEYRECORD_KEY : KEYRECORD_OK;
}

void keyrecord_make(const struct digest_key *k, struct out *txt)
{
    uint8_t p[DKIM_KEYRECORD_MAX];
    size_t len = digest_key_record(k, p, sizeof p);
    if (len == 0)
        txt->overflow = true;
    out_str(txt, digest_key_type(k) == DIGEST_KEY_RSA ? "v=DKIM1; k=rsa; p=" : "v=DKIM1; k=ed25519; p=");
    base64_encode(bytes_of(p, len), txt);
}

bool keyrecord_make_of(struct bytes spki, struct out *txt)
{
    struct digest_key *k = digest_key_from_spki(spki);
    if (k != NULL)
        keyrecord_make(k, txt);
    digest_key_free(k);
    return k != NULL && !txt->overflow;
}
