#include "ceremony/shares.h"

#include <libgfshare.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/err.h"

/* Raw form: version, set, threshold and count, index, the part of the secret, the start of a hash over all that. */
enum { VERSION = 1, HEAD_LEN = 6, CHECK_LEN = 4, RAW_MAX = HEAD_LEN + SHARES_SECRET_MAX + CHECK_LEN, HASH_LEN = 32 };

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648 */

static bool random_failed;

static void fill_random(unsigned char *out, unsigned len)
{
    if (RAND_bytes(out, (int)len) != 1)
        random_failed = true;
}

static bool hash_of(struct bytes a, struct bytes b, uint8_t out[HASH_LEN])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, a.data, a.len) == 1 &&
              EVP_DigestUpdate(ctx, b.data, b.len) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

int shares_random_pin(size_t len, struct buf *pin, struct buf *why)
{
    static const char symbols[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t random[SHARES_PIN_MAX];
    if (len < SHARES_PIN_MIN || len > SHARES_PIN_MAX || RAND_bytes(random, sizeof random) != 1) {
        buf_addf(why, "no random PIN of %zu characters: %d to %d, and a working random generator", len, SHARES_PIN_MIN,
                 SHARES_PIN_MAX);
        return ZEGEL_ERR_SYSTEM;
    }
    for (size_t i = 0; i < len; i++)
        buf_add_u8(pin, (uint8_t)symbols[random[i] % 32]);
    wipe(random, sizeof random);
    return pin->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

/* ---- splitting and combining ---- */

/* The secret is the PIN and a hash of it: what wrong shares make has no such hash, and no share tells the hash. */
static bool make_tag(const uint8_t set[3], struct bytes pin, uint8_t tag[SHARES_TAG_LEN])
{
    uint8_t hash[HASH_LEN];
    bool ok = hash_of(bytes_of(set, 3), pin, hash);
    memcpy(tag, hash, SHARES_TAG_LEN);
    wipe(hash, sizeof hash);
    return ok;
}

static bool part(uint8_t *secret, struct share *shares)
{
    uint8_t numbers[SHARES_MAX];
    for (unsigned i = 0; i < shares[0].count; i++)
        numbers[i] = shares[i].index;
    random_failed = false;
    gfshare_fill_rand = fill_random; /* it has none of its own */
    gfshare_ctx *ctx = gfshare_ctx_init_enc(numbers, shares[0].count, shares[0].threshold, (unsigned)shares[0].len);
    if (ctx == NULL)
        return false;
    gfshare_ctx_enc_setsecret(ctx, secret);
    for (unsigned i = 0; i < shares[0].count; i++)
        gfshare_ctx_enc_getshare(ctx, (unsigned char)i, shares[i].secret);
    gfshare_ctx_free(ctx); /* overwrites what it held */
    return !random_failed;
}

int shares_split(struct bytes pin, unsigned threshold, unsigned count, struct share *shares, struct buf *why)
{
    uint8_t secret[SHARES_SECRET_MAX], set[3];
    bool sizes =
        pin.len >= SHARES_PIN_MIN && pin.len <= SHARES_PIN_MAX && threshold >= 2 && threshold <= count && count <= SHARES_MAX;
    if (!sizes) {
        buf_addf(why, "a PIN of %d to %d characters can be split, into 2 to %d shares, of which at least 2 make it",
                 SHARES_PIN_MIN, SHARES_PIN_MAX, SHARES_MAX);
        return ZEGEL_ERR_USAGE;
    }
    bool ok = RAND_bytes(set, sizeof set) == 1;
    memcpy(secret, pin.data, pin.len);
    ok = ok && make_tag(set, pin, secret + pin.len);
    for (unsigned i = 0; i < count; i++) {
        shares[i] = (struct share){
            .threshold = (uint8_t)threshold, .count = (uint8_t)count, .index = (uint8_t)(i + 1), .len = pin.len + SHARES_TAG_LEN};
        memcpy(shares[i].set, set, sizeof set);
    }
    ok = ok && part(secret, shares);
    wipe(secret, sizeof secret);
    if (!ok)
        buf_add_str(why, "the PIN could not be split: no random numbers, or no memory");
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

bool shares_interpolate(const struct share *shares, unsigned count, uint8_t secret[SHARES_SECRET_MAX])
{
    uint8_t numbers[SHARES_MAX], copy[SHARES_SECRET_MAX];
    for (unsigned i = 0; i < count; i++)
        numbers[i] = shares[i].index;
    gfshare_fill_rand = fill_random; /* gfshare_ctx_free overwrites with it */
    gfshare_ctx *ctx = gfshare_ctx_init_dec(numbers, count, (unsigned)shares[0].len);
    for (unsigned i = 0; ctx != NULL && i < count; i++) {
        memcpy(copy, shares[i].secret, sizeof copy);
        gfshare_ctx_dec_giveshare(ctx, (unsigned char)i, copy);
    }
    if (ctx != NULL) {
        gfshare_ctx_dec_extract(ctx, secret);
        gfshare_ctx_free(ctx);
    }
    wipe(copy, sizeof copy);
    return ctx != NULL;
}

static bool is_of_one_set(const struct share *a, const struct share *b)
{
    return memcmp(a->set, b->set, sizeof a->set) == 0 && a->threshold == b->threshold && a->count == b->count && a->len == b->len;
}

static const char *wrong_shares(const struct share *shares, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned n = 0; n < i; n++)
            if (!is_of_one_set(&shares[i], &shares[n]))
                return "do not belong together: they are of different PINs";
            else if (shares[i].index == shares[n].index)
                return "are fewer than they seem: one stands there twice";
    return count < shares[0].threshold ? "are too few" : NULL;
}

int shares_combine(const struct share *shares, unsigned count, struct buf *pin, struct buf *why)
{
    uint8_t secret[SHARES_SECRET_MAX], tag[SHARES_TAG_LEN];
    const char *wrong = count == 0 ? "are none" : wrong_shares(shares, count);
    if (wrong == NULL && !shares_interpolate(shares, shares[0].threshold, secret))
        wrong = "could not be put together: memory is short";
    if (wrong == NULL) {
        size_t len = shares[0].len - SHARES_TAG_LEN;
        bool fits = make_tag(shares[0].set, bytes_of(secret, len), tag) && memcmp(tag, secret + len, sizeof tag) == 0;
        if (fits)
            buf_add(pin, bytes_of(secret, len));
        else
            wrong = "make no PIN: one of them is wrong";
    }
    wipe(secret, sizeof secret);
    if (wrong != NULL)
        buf_addf(why, "the shares %s; nothing was sent to the token", wrong);
    return wrong != NULL ? ZEGEL_ERR_REFUSED : pin->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

/* ---- on paper ---- */

static size_t to_raw(const struct share *s, uint8_t raw[RAW_MAX])
{
    uint8_t hash[HASH_LEN];
    size_t len = HEAD_LEN + s->len;
    raw[0] = VERSION;
    memcpy(raw + 1, s->set, 3);
    raw[4] = (uint8_t)(s->threshold << 4 | s->count);
    raw[5] = s->index;
    memcpy(raw + HEAD_LEN, s->secret, s->len);
    if (!hash_of(bytes_of(raw, len), bytes_of(NULL, 0), hash))
        return 0;
    memcpy(raw + len, hash, CHECK_LEN);
    (void)memset(raw + len + CHECK_LEN, 0, RAW_MAX - len - CHECK_LEN);
    return len + CHECK_LEN;
}

void shares_print(const struct share *s, char text[SHARES_TEXT_MAX])
{
    uint8_t raw[RAW_MAX + 1] = {0}; /* a zero behind it fills the last five bits */
    size_t len = to_raw(s, raw), symbols = (len * 8 + 4) / 5, out = 0;
    for (size_t i = 0; i < symbols; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)raw[bit / 8] << 8 | (bit / 8 + 1 < sizeof raw ? raw[bit / 8 + 1] : 0U);
        if (i > 0 && i % 4 == 0)
            text[out++] = ' ';
        text[out++] = alphabet[two >> (11 - bit % 8) & 31U];
    }
    text[out] = '\0';
    wipe(raw, sizeof raw);
}

static bool from_raw(const uint8_t *raw, size_t len, struct share *s)
{
    uint8_t again[RAW_MAX];
    if (len < HEAD_LEN + SHARES_PIN_MIN + SHARES_TAG_LEN + CHECK_LEN || raw[0] != VERSION)
        return false;
    *s = (struct share){.threshold = raw[4] >> 4, .count = raw[4] & 15, .index = raw[5], .len = len - HEAD_LEN - CHECK_LEN};
    memcpy(s->set, raw + 1, 3);
    memcpy(s->secret, raw + HEAD_LEN, s->len);
    bool ok = to_raw(s, again) == len && memcmp(again, raw, len) == 0 && s->threshold >= 2 && s->threshold <= s->count &&
              s->index >= 1 && s->index <= s->count;
    wipe(again, sizeof again);
    return ok;
}

bool shares_parse(struct bytes text, struct share *out)
{
    uint8_t raw[RAW_MAX + 1] = {0};
    size_t len = 0;
    unsigned bits = 0, held = 0;
    bool ok = true;
    for (size_t i = 0; i < text.len && ok; i++) {
        char c = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 32 : text.data[i]);
        const char *at = c == '\0' ? NULL : strchr(alphabet, c);
        if (c == ' ' || c == '-' || c == '\n' || c == '\r' || c == '\t')
            continue;
        ok = at != NULL && len < sizeof raw;
        held = held << 5 | (ok ? (unsigned)(at - alphabet) : 0U);
        bits += 5;
        if (ok && bits >= 8) {
            raw[len++] = (uint8_t)(held >> (bits - 8));
            bits -= 8;
        }
    }
    ok = ok && len <= RAW_MAX && (held & ((1U << bits) - 1)) == 0 && from_raw(raw, len, out);
    wipe(raw, sizeof raw);
    if (!ok)
        wipe(out, sizeof *out);
    return ok;
}
