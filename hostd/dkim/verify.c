#include "dkim/verify.h"

#include <stdlib.h>

#include "dkim/base64.h"
#include "dkim/canon_header.h"
#include "dkim/idna.h"

enum { RSA_BITS_MIN = 1024, RSA_BITS_WEAK = 2048 }; /* RFC 8301 §3.2 */

const char *verify_result_name(enum verify_result r)
{
    static const char *const names[] = {"pass", "fail", "permerror", "temperror", "policy", "neutral"};
    return names[r];
}

const char *verify_dnssec_name(enum verify_dnssec s)
{
    static const char *const names[] = {"unknown", "insecure", "secure", "bogus"};
    return names[s];
}

/* For one field in canonical form, and for one value, each as long as the longest field here. On the heap, and only while it is
 * needed: a milter has a thread for each connection, and most of them wait. */
struct room {
    size_t cap;
    uint8_t *field, *value;
};

static bool room_init(struct room *room, const struct header *h)
{
    room->cap = 0;
    for (size_t i = 0; i < h->count; i++) {
        size_t len = h->fields[i].name.len + h->fields[i].value.len + sizeof ":\r\n";
        room->cap = len > room->cap ? len : room->cap;
    }
    room->field = malloc(2 * room->cap);
    room->value = room->field + room->cap;
    return room->field != NULL;
}

static void hash_field(struct digest *d, struct room *room, bool relaxed, const struct header_field *f, bool last)
{
    struct out o = out_of(room->field, room->cap);
    if (last)
        canon_header_last(relaxed, f, &o);
    else
        canon_header_field(relaxed, f, &o);
    digest_update(d, out_bytes(&o));
}

/* §5.4.2: of fields with one name the last unused is next. `used` has one flag per field. */
static size_t next_instance(const struct header *h, struct bytes name, bool *used)
{
    for (size_t i = h->count; i-- > 0;)
        if (!used[i] && bytes_ieq(header_name(&h->fields[i]), name)) {
            used[i] = true;
            return i;
        }
    return h->count;
}

/* §3.7: the field itself, with b='s value cut out. */
static void hash_signature_field(struct digest *d, struct room *room, const struct sigheader *s, const struct header_field *f)
{
    struct out value = out_of(room->value, room->cap);
    size_t from = (size_t)(s->b_region.data - f->value.data);
    out_add(&value, bytes_slice(f->value, 0, from));
    out_add(&value, bytes_slice(f->value, from + s->b_region.len, f->value.len));
    struct header_field without = {.name = f->name, .value = out_bytes(&value)};
    hash_field(d, room, s->relaxed_header, &without, true);
}

static void hash_fields(struct digest *d, struct room *room, const struct header *h, const struct sigheader *s, size_t own)
{
    bool used[DKIM_HEADER_FIELDS_MAX] = {false};
    struct bytes rest = s->h, name;
    used[own] = true; /* a signature never signs itself: its h= may name dkim-signature for others */
    while (sigheader_next_name(&rest, &name)) {
        size_t i = next_instance(h, name, used);
        if (i < h->count)
            hash_field(d, room, s->relaxed_header, &h->fields[i], false);
    }
    hash_signature_field(d, room, s, &h->fields[own]);
}

/* False when memory is short. */
static bool hash_header(const struct header *h, const struct sigheader *s, size_t own, uint8_t hash[DKIM_HASH_LEN])
{
    struct room room;
    struct digest *d = digest_new();
    bool ok = d != NULL && room_init(&room, h);
    if (ok) {
        digest_start(d);
        hash_fields(d, &room, h, s, own);
        ok = digest_final(d, hash);
        free(room.field);
    }
    digest_free(d);
    return ok;
}

static void conclude(struct verification *v, enum verify_result r, const char *reason)
{
    v->result = r;
    v->reason = reason;
}

static void check_key(struct verification *v, const struct digest_key *key, const uint8_t hash[DKIM_HASH_LEN])
{
    uint8_t room[DKIM_SIGNATURE_MAX + 3];
    struct out sig = out_of(room, sizeof room);
    v->bits = digest_key_bits(key);
    if (!base64_decode(v->sig.b, &sig) || sig.len == 0)
        conclude(v, VERIFY_PERMERROR, "b= is not base64");
    else if (digest_key_type(key) == DIGEST_KEY_RSA && v->bits < RSA_BITS_MIN)
        conclude(v, VERIFY_POLICY, "RSA key of less than 1024 bits (RFC 8301)");
    else if (!digest_verify(key, hash, out_bytes(&sig)))
        conclude(v, VERIFY_FAIL, "signature did not verify");
    else if (digest_key_type(key) == DIGEST_KEY_RSA && v->bits < RSA_BITS_WEAK)
        conclude(v, VERIFY_PASS, "weak: RSA key of less than 2048 bits");
    else
        conclude(v, VERIFY_PASS, "");
}

/* §8.15: a field that may stand there once, signed, and then added again, is what the reader is shown. */
static const char *added_fields(const struct header *h, struct bytes names)
{
    for (const char *const *s = select_singletons; *s != NULL; s++) {
        struct bytes rest = names, name;
        size_t here = header_count(h, bytes_str(*s)), covered = 0;
        while (here > 1 && sigheader_next_name(&rest, &name))
            covered += bytes_ieq(name, bytes_str(*s));
        if (covered > 0 && here > covered)
            return s == select_singletons
                       ? "more From fields than are signed (RFC 6376 8.15)"
                       : "a field that may stand there once stands there more often than it is signed (RFC 6376 8.15)";
    }
    return NULL;
}

/* What is wrong with the header as a whole: no signature in it can pass. */
static bool check_header(const struct header *h, struct verification *v)
{
    if (h->defects & HEADER_TOO_MANY)
        conclude(v, VERIFY_POLICY, "more header fields than are looked at");
    else if (h->defects & (HEADER_NO_COLON | HEADER_BAD_NAME))
        conclude(v, VERIFY_PERMERROR, "a line of the header is no field (RFC 5322 2.2)");
    return (h->defects & (HEADER_TOO_MANY | HEADER_NO_COLON | HEADER_BAD_NAME)) == 0;
}

static bool check_signature(const struct header *h, size_t own, int64_t now, struct verification *v)
{
    enum sigheader_error e = sigheader_parse(h->fields[own].value, &v->sig);
    const char *added;
    if (!check_header(h, v))
        return false;
    if (e != SIG_OK)
        conclude(v, e == SIG_BODY_LENGTH || v->sig.sha1 ? VERIFY_POLICY : VERIFY_PERMERROR,
                 v->sig.sha1 ? "rsa-sha1 is historic (RFC 8301 3.1)" : sigheader_strerror(e));
    else if ((added = added_fields(h, v->sig.h)) != NULL)
        conclude(v, VERIFY_POLICY, added);
    else if (v->sig.expire >= 0 && now > v->sig.expire)
        conclude(v, VERIFY_FAIL, "signature expired");
    else
        return true;
    return false;
}

/* SELECTOR._domainkey.DOMAIN, or false when DNS has no such name. */
static bool key_name(const struct sigheader *s, char name[DKIM_DOMAIN_MAX + 1])
{
    struct out o = out_of(name, DKIM_DOMAIN_MAX);
    if (!idna_ascii(s->selector, &o))
        return false;
    out_str(&o, "._domainkey.");
    if (!idna_ascii(s->domain, &o))
        return false;
    name[o.len] = '\0';
    return true;
}

static bool find_key(struct verification *v, verify_key_lookup *lookup, void *arg, struct keyrecord *record)
{
    char name[DKIM_DOMAIN_MAX + 1];
    uint8_t room[DKIM_KEYRECORD_MAX];
    struct verify_key key = {.txt = out_of(room, sizeof room), .dnssec = VERIFY_DNSSEC_UNKNOWN};
    if (!key_name(&v->sig, name)) {
        conclude(v, VERIFY_PERMERROR, "d= and s= make no name that DNS could have");
        return false;
    }
    enum verify_key_status status = lookup(arg, name, &key);
    v->dnssec = key.dnssec;
    switch (status) {
    case VERIFY_KEY_TRY_LATER:
        conclude(v, VERIFY_TEMPERROR,
                 key.dnssec == VERIFY_DNSSEC_BOGUS ? "the key is bogus by DNSSEC" : "key lookup failed for now");
        return false;
    case VERIFY_KEY_NONE: conclude(v, VERIFY_PERMERROR, "no key for signature"); return false;
    case VERIFY_KEY_MANY: conclude(v, VERIFY_PERMERROR, "more than one key record (RFC 6376 3.6.2.2)"); return false;
    case VERIFY_KEY_FOUND: break;
    }
    enum keyrecord_error e = key.txt.overflow ? KEYRECORD_SYNTAX : keyrecord_parse(out_bytes(&key.txt), &v->sig, record);
    if (e != KEYRECORD_OK)
        conclude(v, VERIFY_PERMERROR, keyrecord_strerror(e));
    return e == KEYRECORD_OK;
}

static void verify_one(const struct dkim_sign *m, size_t own, int64_t now, verify_key_lookup *lookup, void *arg,
                       struct verification *v)
{
    uint8_t hash[DKIM_HASH_LEN];
    struct keyrecord record;
    if (!check_signature(&m->header, own, now, v) || !find_key(v, lookup, arg, &record))
        return;
    v->testing = record.testing;
    if (memcmp(m->body[v->sig.relaxed_body].hash, v->sig.bh, DKIM_HASH_LEN) != 0)
        conclude(v, VERIFY_FAIL, "body hash did not verify");
    else if (!hash_header(&m->header, &v->sig, own, hash))
        conclude(v, VERIFY_TEMPERROR, "out of memory");
    else
        check_key(v, record.key, hash);
    digest_key_free(record.key);
}

size_t verify_message(const struct dkim_sign *m, int64_t now, verify_key_lookup *lookup, void *arg,
                      struct verification out[VERIFY_RESULTS_MAX])
{
    const struct header *h = &m->header;
    size_t n = 0;
    for (size_t i = 0; i < h->count && n < VERIFY_RESULTS_MAX; i++) {
        if (!bytes_ieq(header_name(&h->fields[i]), BYTES_LIT("DKIM-Signature")))
            continue;
        out[n] = (struct verification){.result = VERIFY_NEUTRAL, .reason = ""};
        if (n < DKIM_SIGNATURES_MAX) {
            verify_one(m, i, now, lookup, arg, &out[n]);
        } else {
            (void)sigheader_parse(h->fields[i].value, &out[n].sig);
            conclude(&out[n], VERIFY_POLICY, "more signatures than are looked at; this one and the rest were not");
        }
        n++;
    }
    if (n == 0 && (h->defects & HEADER_TOO_MANY)) { /* one may be among those left out */
        out[0] = (struct verification){.reason = ""};
        (void)check_header(h, &out[0]);
        n = 1;
    }
    return n;
}
