/* forge: messages signed in any way one likes, also in ways Zegel never would; keys in memory. */
#ifndef ZEGEL_FORGE_H
#define ZEGEL_FORGE_H

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "dkim/base64.h"
#include "dkim/canon_header.h"
#include "dkim/verify.h"
#include "unit.h"

enum { FORGE_NOW = 1700000000 }; /* the verifier's clock */

enum forge_key { FORGE_ED, FORGE_RSA2048, FORGE_RSA1024, FORGE_RSA512, FORGE_KEYS };

/* Made once; never freed: it lives as long as the test program. */
static inline EVP_PKEY *forge_pkey(enum forge_key k)
{
    static EVP_PKEY *keys[FORGE_KEYS];
    static const size_t bits[FORGE_KEYS] = {0, 2048, 1024, 512};
    if (keys[k] == NULL)
        keys[k] = k == FORGE_ED ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits[k]);
    ck_assert_ptr_nonnull(keys[k]);
    return keys[k];
}

/* What stands in p= for this key; `bare`: as RSAPublicKey. */
static inline void forge_p(enum forge_key k, bool bare, struct buf *out)
{
    uint8_t room[1024], text[BASE64_LEN(sizeof room)];
    unsigned char *der = NULL;
    size_t len = sizeof room;
    struct out o = out_of(text, sizeof text);
    if (k == FORGE_ED) {
        ck_assert_int_eq(EVP_PKEY_get_raw_public_key(forge_pkey(k), room, &len), 1);
    } else {
        int n = bare ? i2d_PublicKey(forge_pkey(k), &der) : i2d_PUBKEY(forge_pkey(k), &der);
        ck_assert_int_gt(n, 0);
        len = (size_t)n;
        memcpy(room, der, len);
        OPENSSL_free(der);
    }
    base64_encode(bytes_of(room, len), &o);
    buf_add(out, out_bytes(&o));
}

/* `text` with "@ed", "@rsa2048", "@bare2048", "@rsa1024" and "@rsa512" become the p= of those keys. */
static inline void forge_record(const char *text, struct buf *out)
{
    static const struct {
        const char *name;
        enum forge_key key;
        bool bare;
    } names[] = {{"@ed", FORGE_ED, false},
                 {"@rsa2048", FORGE_RSA2048, false},
                 {"@bare2048", FORGE_RSA2048, true},
                 {"@rsa1024", FORGE_RSA1024, false},
                 {"@rsa512", FORGE_RSA512, false}};
    while (*text != '\0') {
        size_t i = 0, count = sizeof names / sizeof names[0];
        while (i < count && strncmp(text, names[i].name, strlen(names[i].name)) != 0)
            i++;
        if (i < count) {
            forge_p(names[i].key, names[i].bare, out);
            text += strlen(names[i].name);
        } else {
            buf_add_u8(out, (uint8_t)*text++);
        }
    }
}

/* Header and body of `text` into the engine, the body in chunks of `step`. */
static inline void forge_feed(struct dkim_sign *m, struct bytes text, size_t step)
{
    dkim_sign_start(m);
    size_t body = header_parse(&m->header, text);
    dkim_sign_body_start(m, true, true);
    for (size_t at = body; at < text.len; at += step)
        dkim_sign_body(m, bytes_slice(text, at, at + step));
    ck_assert(dkim_sign_body_end(m));
}

static inline size_t forge_raw_sign(enum forge_key k, const uint8_t hash[DKIM_HASH_LEN], uint8_t sig[DKIM_SIGNATURE_MAX])
{
    size_t len = DKIM_SIGNATURE_MAX;
    if (k == FORGE_ED) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, forge_pkey(k)), 1);
        ck_assert_int_eq(EVP_DigestSign(ctx, sig, &len, hash, DKIM_HASH_LEN), 1);
        EVP_MD_CTX_free(ctx);
        return len;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(forge_pkey(k), NULL);
    ck_assert(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    ck_assert_int_eq(EVP_PKEY_sign(ctx, sig, &len, hash, DKIM_HASH_LEN), 1);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static inline bool forge_says(const char *tags, const char *what)
{
    return strstr(tags, what) != NULL;
}

/* The fields that h= names, bottom-most first (RFC 6376 §5.4.2), and `own` behind them: what is signed. */
static inline void forge_block(const struct header *h, struct bytes names, bool relaxed, const struct header_field *own,
                               struct out *block)
{
    static bool used[DKIM_HEADER_FIELDS_MAX];
    struct bytes name;
    memset(used, 0, sizeof used);
    while (sigheader_next_name(&names, &name)) {
        for (size_t i = h->count; i-- > 0;)
            if (!used[i] && bytes_ieq(header_name(&h->fields[i]), name)) {
                canon_header_field(relaxed, &h->fields[i], block);
                used[i] = true;
                break;
            }
    }
    canon_header_last(relaxed, own, block);
}

/* `tags`, all behind "DKIM-Signature:", with "bh=@" and "b=@" made true for `message`, signed by `k`. Appends the whole field.
 * What is canonicalised how is taken from "c=relaxed" and "/relaxed" in it, and the fields from h=. */
static inline void forge_sign(struct bytes message, const char *tags, enum forge_key k, struct buf *out)
{
    static uint8_t block_room[2 * DKIM_HEADER_TEXT_MAX];
    struct dkim_sign *m = dkim_sign_new();
    struct buf with_hash = BUF_INIT, field = BUF_INIT;
    struct out block = out_of(block_room, sizeof block_room);
    uint8_t hash[DKIM_HASH_LEN], sig[DKIM_SIGNATURE_MAX], text[BASE64_LEN(DKIM_SIGNATURE_MAX)];
    struct out b = out_of(text, sizeof text);
    ck_assert_ptr_nonnull(m);
    forge_feed(m, message, 4096);
    const char *bh = strstr(tags, "bh=@");
    buf_add(&with_hash, bytes_of(tags, bh == NULL ? strlen(tags) : (size_t)(bh + 3 - tags)));
    if (bh != NULL) {
        base64_encode(bytes_of(m->body[forge_says(tags, "/relaxed")].hash, DKIM_HASH_LEN), &b);
        buf_add(&with_hash, out_bytes(&b));
        buf_add_str(&with_hash, bh + 4);
    }
    const char *at = strstr(buf_cstr(&with_hash), "b=@");
    ck_assert_ptr_nonnull(at);
    size_t before = (size_t)(at + 2 - buf_cstr(&with_hash));
    buf_add(&field, bytes_of(buf_cstr(&with_hash), before));
    buf_add_str(&field, at + 3);
    const char *h = strstr(tags, "h=");
    while (h != NULL && h > tags && h[-1] == 'b')
        h = strstr(h + 1, "h=");
    struct bytes names = h == NULL ? bytes_of(NULL, 0) : bytes_of(h + 2, strcspn(h + 2, ";"));
    struct header_field own = {.name = BYTES_LIT("DKIM-Signature"), .value = buf_bytes(&field)};
    forge_block(&m->header, names, forge_says(tags, "c=relaxed"), &own, &block);
    ck_assert(!block.overflow && digest_sha256(out_bytes(&block), hash));
    b = out_of(text, sizeof text);
    base64_encode(bytes_of(sig, forge_raw_sign(k, hash, sig)), &b);
    buf_add_str(out, "DKIM-Signature:");
    buf_add(out, bytes_of(buf_cstr(&with_hash), before));
    buf_add(out, out_bytes(&b));
    buf_add_str(out, at + 3);
    buf_add_str(out, "\r\n");
    buf_free(&with_hash);
    buf_free(&field);
    dkim_sign_free(m);
}

/* Keys by name; NULL ends the list. `record` as forge_record takes it; "" is no such name, "later" and "many" and "bogus" are
 * those answers. */
struct forge_zone {
    const char *name, *record;
};

static const struct forge_zone forge_zone_default[] = {{"ed._domainkey.example.nl", "v=DKIM1; k=ed25519; p=@ed"},
                                                       {"rsa._domainkey.example.nl", "v=DKIM1; p=@rsa2048"},
                                                       {"weak._domainkey.example.nl", "p=@rsa1024"},
                                                       {"short._domainkey.example.nl", "p=@rsa512"},
                                                       {"ed._domainkey.xn--bcher-kva.example", "v=DKIM1; k=ed25519; p=@ed"},
                                                       {"later._domainkey.example.nl", "later"},
                                                       {"many._domainkey.example.nl", "many"},
                                                       {"bogus._domainkey.example.nl", "bogus"},
                                                       {NULL, NULL}};

/* A verify_key_lookup; arg: a struct forge_zone list. */
static inline enum verify_key_status forge_lookup(void *arg, const char *name, struct verify_key *key)
{
    struct buf record = BUF_INIT;
    const struct forge_zone *z = arg;
    while (z->name != NULL && strcasecmp(z->name, name) != 0)
        z++;
    if (z->name == NULL)
        return VERIFY_KEY_NONE;
    if (strcmp(z->record, "bogus") == 0)
        key->dnssec = VERIFY_DNSSEC_BOGUS;
    if (strcmp(z->record, "later") == 0 || strcmp(z->record, "bogus") == 0)
        return VERIFY_KEY_TRY_LATER;
    if (strcmp(z->record, "many") == 0)
        return VERIFY_KEY_MANY;
    forge_record(z->record, &record);
    out_add(&key->txt, buf_bytes(&record));
    buf_free(&record);
    return VERIFY_KEY_FOUND;
}

/* All results of a whole message. Views in them last until the next call. */
static inline size_t forge_verify(struct bytes message, const struct forge_zone *zone,
                                  struct verification out[VERIFY_RESULTS_MAX])
{
    static struct dkim_sign *m;
    if (m == NULL && (m = dkim_sign_new()) == NULL)
        abort();
    forge_feed(m, message, 4096);
    return verify_message(m, FORGE_NOW, forge_lookup, (void *)(uintptr_t)zone, out);
}

/* `message` signed with `tags` and then `before` put above all of it: the result of the first signature. */
static inline struct verification forge_one(const char *before, const char *tags, enum forge_key k, const char *message,
                                            const struct forge_zone *zone)
{
    static struct buf whole;
    struct verification v[VERIFY_RESULTS_MAX];
    buf_clear(&whole);
    buf_add_str(&whole, before);
    forge_sign(bytes_str(message), tags, k, &whole);
    buf_add_str(&whole, message);
    ck_assert_uint_ge(forge_verify(buf_bytes(&whole), zone == NULL ? forge_zone_default : zone, v), 1);
    return v[0];
}

#endif
