#include "lifecycle/made.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "ceremony/act.h"
#include "dkim/keyrecord.h"

void made_label(const char *domain, const struct store_key *k, struct buf *out)
{
    buf_addf(out, "%s/%s", domain, k->selector);
}

static void add_id(const struct store_key *k, struct buf *out)
{
    for (const char *p = k->id; p[0] != '\0' && p[1] != '\0'; p += 2)
        buf_addf(out, "%%%.2s", p);
}

void made_uri(const char *token_uri, const char *domain, const struct store_key *k, struct buf *out)
{
    buf_addf(out, "%s;id=", token_uri);
    add_id(k, out);
    buf_addf(out, ";object=%s/%s", domain, k->selector);
}

/* 0 when the store holds no CKA_ID: nothing on a token may be looked for by half of one. */
static size_t id_of(const struct store_key *k, uint8_t id[STORE_ID_LEN])
{
    size_t len;
    return bytes_unhex(bytes_of(k->id, strlen(k->id)), id, STORE_ID_LEN, &len) ? len : 0;
}

static int no_id(struct buf *label, struct buf *why)
{
    buf_addf(why, "%s: the store holds no CKA_ID for it: people must look", buf_cstr(label));
    return ZEGEL_ERR_REFUSED;
}

static bool is_rsa(const char *algorithm)
{
    return strncmp(algorithm, "rsa", 3) == 0;
}

int made_plan(struct store_key *k, unsigned number, const char *algorithm, int64_t now_s)
{
    uint8_t id[STORE_ID_LEN];
    struct tm tm;
    time_t t = (time_t)now_s;
    if (RAND_bytes(id, sizeof id) != 1 || gmtime_r(&t, &tm) == NULL)
        return ZEGEL_ERR_SYSTEM;
    *k = (struct store_key){.number = number};
    (void)snprintf(k->algorithm, sizeof k->algorithm, "%s", algorithm);
    (void)snprintf(k->selector, sizeof k->selector, "z%04d%02dn%u%c", tm.tm_year + 1900, tm.tm_mon + 1, number,
                   is_rsa(algorithm) ? 'r' : 'e');
    bytes_hex(bytes_of(id, sizeof id), k->id);
    return ZEGEL_OK;
}

static void fingerprint(const struct key *key, char out[65])
{
    uint8_t hash[DKIM_HASH_LEN] = {0};
    (void)digest_sha256(bytes_of(key->spki, key->spki_len), hash);
    bytes_hex(bytes_of(hash, sizeof hash), out);
}

int made_describe(const struct key *key, struct store_key *k, struct buf *why)
{
    struct out txt = out_of((uint8_t *)k->record, sizeof k->record - 1);
    bool good = keyrecord_make_of(bytes_of(key->spki, key->spki_len), &txt);
    k->record[good ? txt.len : 0] = '\0';
    fingerprint(key, k->spki_sha256);
    if (good)
        return ZEGEL_OK;
    buf_addf(why, "key %s: its public half cannot be read", key->label);
    return ZEGEL_ERR_KEY_UNUSABLE;
}

/* ---- on the token ---- */

static int find(struct token *t, const char *domain, const struct store_key *k, struct key *out, struct buf *why)
{
    struct buf uri = BUF_INIT;
    made_uri("pkcs11:type=private", domain, k, &uri);
    int err = key_find(t, buf_cstr(&uri), out, why);
    buf_free(&uri);
    return err;
}

enum life_token made_look(struct token *t, const char *domain, const struct store_key *k, struct buf *why)
{
    struct buf problem = BUF_INIT;
    struct key key;
    char print[65];
    enum life_token result = LIFE_TOKEN_UNKNOWN;
    int err = find(t, domain, k, &key, &problem);
    if (err == ZEGEL_OK) {
        fingerprint(&key, print);
        bool same = k->spki_sha256[0] == '\0' || strcmp(print, k->spki_sha256) == 0;
        result = same ? LIFE_TOKEN_HAS : LIFE_TOKEN_MISSING;
        if (!same)
            buf_addf(why, "%s/%s: the token has another key under this name", domain, k->selector);
    } else if (err == ZEGEL_ERR_KEY_GONE) {
        result = LIFE_TOKEN_MISSING;
        if (k->spki_sha256[0] != '\0')
            buf_addf(why, "%s/%s: the token has this key no more", domain, k->selector);
    } else {
        buf_addf(why, "%s", buf_cstr(&problem));
    }
    buf_free(&problem);
    return result;
}

/* Objects with its CKA_ID. With its label there must be as many: under one name there is one key. ZEGEL_ERR_EXISTS: only somebody
 * else's; ZEGEL_ERR_REFUSED: both. */
static int count(struct token *t, const char *domain, const struct store_key *k, CK_ULONG *found, struct buf *why)
{
    struct buf label = BUF_INIT;
    uint8_t id[STORE_ID_LEN];
    CK_ULONG by_label = 0;
    size_t id_len = id_of(k, id);
    made_label(domain, k, &label);
    int err = id_len == 0 ? no_id(&label, why) : act_objects(t, bytes_of(NULL, 0), buf_cstr(&label), false, &by_label, why);
    if (err == ZEGEL_OK)
        err = act_objects(t, bytes_of(id, id_len), buf_cstr(&label), false, found, why);
    if (err == ZEGEL_OK && *found != by_label) {
        buf_addf(why, "%s: the token has %lu objects of that label and %lu of its CKA_ID: people must look", buf_cstr(&label),
                 by_label, *found);
        err = *found == 0 ? ZEGEL_ERR_EXISTS : ZEGEL_ERR_REFUSED;
    }
    buf_free(&label);
    return err;
}

static int clear(struct token *t, const char *domain, const struct store_key *k, struct buf *why)
{
    struct buf label = BUF_INIT;
    uint8_t id[STORE_ID_LEN];
    CK_ULONG objects = 0;
    size_t id_len = id_of(k, id);
    made_label(domain, k, &label);
    int err = id_len == 0 ? no_id(&label, why) : act_objects(t, bytes_of(id, id_len), buf_cstr(&label), true, &objects, why);
    if (err == ZEGEL_OK)
        err = act_objects(t, bytes_of(id, id_len), buf_cstr(&label), false, &objects, why);
    if (err == ZEGEL_OK && objects > 0) {
        buf_addf(why, "%s: %lu objects of it are left on the token", buf_cstr(&label), objects);
        err = ZEGEL_ERR_MODULE;
    }
    buf_free(&label);
    return err;
}

static int make_new(struct token *t, const char *domain, struct store_key *k, struct key *key, struct buf *why)
{
    struct buf label = BUF_INIT;
    struct key_wish w = {.type = is_rsa(k->algorithm) ? KEY_RSA : KEY_ED25519};
    w.bits = w.type == KEY_RSA ? (unsigned)strtoul(k->algorithm + 3, NULL, 10) : 256;
    made_label(domain, k, &label);
    w.label = buf_cstr(&label);
    int err = id_of(k, w.id) == sizeof w.id ? key_generate_as(t, &w, key, why) : no_id(&label, why);
    buf_free(&label);
    return err;
}

int made_make(struct token *t, const char *domain, struct store_key *k, struct buf *why)
{
    struct buf problem = BUF_INIT;
    struct key key;
    CK_ULONG objects = 0;
    int err = count(t, domain, k, &objects, why);
    if (err == ZEGEL_OK && objects > 0) {
        err = find(t, domain, k, &key, &problem);
        if (err == ZEGEL_ERR_KEY_GONE || err == ZEGEL_ERR_KEY_UNUSABLE) { /* it was cut off between its two halves */
            err = clear(t, domain, k, why);
            objects = 0;
        } else if (err != ZEGEL_OK) {
            buf_add(why, buf_bytes(&problem));
        }
    }
    if (err == ZEGEL_OK && objects == 0)
        err = make_new(t, domain, k, &key, why);
    buf_free(&problem);
    return err == ZEGEL_OK ? made_describe(&key, k, why) : err;
}

int made_destroy(struct token *t, const char *domain, const struct store_key *k, struct buf *why)
{
    CK_ULONG objects = 0;
    struct buf other = BUF_INIT;
    struct key key;
    char print[65];
    int err = count(t, domain, k, &objects, &other);
    if (err == ZEGEL_ERR_EXISTS) { /* what has its name is not ours, and ours is gone */
        buf_free(&other);
        return ZEGEL_OK;
    }
    if (err != ZEGEL_OK)
        buf_add(why, buf_bytes(&other));
    if (err == ZEGEL_OK && objects > 0 && find(t, domain, k, &key, &other) == ZEGEL_OK) {
        fingerprint(&key, print);
        if (k->spki_sha256[0] != '\0' && strcmp(print, k->spki_sha256) != 0) {
            buf_addf(why, "%s/%s: the token has another key under this name: people must look", domain, k->selector);
            err = ZEGEL_ERR_REFUSED;
        }
    }
    buf_free(&other);
    return err == ZEGEL_OK && objects > 0 ? clear(t, domain, k, why) : err;
}
