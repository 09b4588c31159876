#include "core/keys.h"

/* What the store has of one key: the public part, and behind it, for RSA, p q dp dq iq, bits/16 octets each; for Ed25519 the
 * seed. */
struct record {
    struct key key;
    uint8_t secret[5 * CRYPTO_RSA_MAX / 2];
};
_Static_assert(sizeof(struct record) <= VAULT_KEY_MAX, "a key fits into its object");

static struct key keys[KEYS];
static struct record record; /* wiped after each use */
static struct crypto_rsa_private rsa;

static size_t secret_len(const struct key *k)
{
    return key_is_ed25519(k) ? 32 : 5 * (size_t)k->bits / 16;
}

static bool read_record(unsigned index)
{
    int len = vault_get((enum vault_object)(VAULT_KEY_0 + index), &record, sizeof record);
    return len > (int)sizeof(struct key) && (size_t)len == sizeof(struct key) + secret_len(&record.key);
}

int keys_open(void)
{
    int err = 0;
    memset(keys, 0, sizeof keys);
    for (unsigned i = 0; i < KEYS && err == 0; i++) {
        if (!vault_has((enum vault_object)(VAULT_KEY_0 + i)))
            continue;
        if (read_record(i))
            keys[i] = record.key;
        else
            err = -1;
    }
    crypto_wipe(&record, sizeof record);
    return err;
}

const struct key *keys_get(unsigned index)
{
    return index < KEYS && keys[index].policy != 0 ? &keys[index] : NULL;
}

size_t key_public_len(const struct key *k)
{
    return key_is_ed25519(k) ? 32 : k->bits / 8;
}

size_t key_signature_len(const struct key *k)
{
    return key_is_ed25519(k) ? CRYPTO_ED25519_SIG : k->bits / 8;
}

struct sig_policy key_sig_policy(const struct key *k)
{
    return (struct sig_policy){
        .domain = span_of(k->domain, k->domain_len),
        .selector = span_of(k->selector, k->selector_len),
        .ed25519 = key_is_ed25519(k),
        .strict = (k->flags & KEY_STRICT) != 0,
        .allow_8bit = (k->flags & KEY_8BIT) != 0,
        .want_expire = (k->flags & KEY_WANT_EXPIRE) != 0,
        .life_max_s = k->life_max_s,
    };
}

bool key_is_sound(const struct key *k)
{
    if ((k->bits != 0 && !crypto_rsa_bits_valid(k->bits)) || k->policy < KEY_DKIM_ONLY || k->policy > KEY_BLIND ||
        k->flags > KEY_FLAGS || k->rate > KEY_RATE_MAX || k->domain_len > NAME_LEN_MAX || k->selector_len > KEY_SELECTOR_MAX)
        return false;
    return k->policy == KEY_BLIND || (name_check(span_of(k->domain, k->domain_len)) == NAME_OK &&
                                      name_check(span_of(k->selector, k->selector_len)) == NAME_OK);
}

/* record.secret is filled; k->public too. Wipes it. */
static enum sw commit(unsigned index, struct key *k)
{
    uint8_t hash[CRYPTO_SHA256_LEN];
    crypto_sha256(k->public, key_public_len(k), hash);
    memcpy(k->id, hash, KEY_ID_LEN);
    record.key = *k;
    int err = vault_put((enum vault_object)(VAULT_KEY_0 + index), &record, sizeof(struct key) + secret_len(k));
    crypto_wipe(&record, sizeof record);
    if (err != 0)
        return SW_MEMORY_FAILURE;
    keys[index] = *k;
    return SW_OK;
}

static enum sw commit_rsa(unsigned index, struct key *k)
{
    size_t half = k->bits / 16;
    const uint8_t *parts[] = {rsa.p, rsa.q, rsa.dp, rsa.dq, rsa.iq};
    for (size_t i = 0; i < 5; i++)
        memcpy(record.secret + i * half, parts[i], half);
    k->e = rsa.pub.e;
    memcpy(k->public, rsa.pub.n, k->bits / 8);
    crypto_wipe(&rsa, sizeof rsa);
    return commit(index, k);
}

static enum sw commit_ed25519(unsigned index, struct key *k, struct crypto_ed25519 *ed)
{
    memcpy(record.secret, ed->seed, 32);
    memcpy(k->public, ed->public, 32);
    crypto_wipe(ed, sizeof *ed);
    return commit(index, k);
}

enum sw keys_generate(unsigned index, struct key *k)
{
    struct crypto_ed25519 ed;
    k->generated = KEY_MADE_HERE;
    if (key_is_ed25519(k)) {
        return crypto_ed25519_generate(&ed) == CRYPTO_OK ? commit_ed25519(index, k, &ed) : SW_FAULT;
    }
    return crypto_rsa_generate(k->bits, &rsa) == CRYPTO_OK ? commit_rsa(index, k) : SW_FAULT;
}

enum sw keys_import_rsa(unsigned index, struct key *k, uint32_t e, struct span p, struct span q)
{
    k->generated = 0;
    if (p.len != k->bits / 16 || q.len != k->bits / 16 || crypto_rsa_import(k->bits, e, p.data, q.data, &rsa) != CRYPTO_OK)
        return SW_WRONG_DATA;
    return commit_rsa(index, k);
}

enum sw keys_import_ed25519(unsigned index, struct key *k, const uint8_t seed[32])
{
    struct crypto_ed25519 ed;
    k->generated = 0;
    crypto_ed25519_from_seed(seed, &ed);
    return commit_ed25519(index, k, &ed);
}

enum sw keys_delete(unsigned index)
{
    if (vault_delete((enum vault_object)(VAULT_KEY_0 + index)) != 0)
        return SW_MEMORY_FAILURE;
    memset(&keys[index], 0, sizeof keys[index]);
    return SW_OK;
}

/* ---- sealed boxes of whole keys */

enum sw keys_wrap(unsigned index, const uint8_t wrapping[32], struct span purpose, struct tlv_out *box)
{
    if (!read_record(index))
        return SW_MEMORY_FAILURE;
    size_t len = sizeof(struct key) + secret_len(&record.key);
    if (len + CRYPTO_SEAL_OVERHEAD > box->cap - box->len)
        box->overflow = true;
    else {
        crypto_seal(wrapping, purpose.data, purpose.len, (const uint8_t *)&record, len, box->data + box->len);
        box->len += len + CRYPTO_SEAL_OVERHEAD;
    }
    crypto_wipe(&record, sizeof record);
    return SW_OK;
}

/* The private half is that of the public one, and signs. */
static bool belongs(const struct key *k)
{
    struct crypto_ed25519 ed;
    size_t half = k->bits / 16;
    if (!key_is_ed25519(k))
        return crypto_rsa_import(k->bits, k->e, record.secret, record.secret + half, &rsa) == CRYPTO_OK &&
               memcmp(rsa.pub.n, k->public, k->bits / 8) == 0;
    memcpy(ed.seed, record.secret, 32);
    memcpy(ed.public, k->public, 32);
    bool ok = crypto_ed25519_check(&ed) == CRYPTO_OK;
    crypto_wipe(&ed, sizeof ed);
    return ok;
}

enum sw keys_unwrap(unsigned index, const uint8_t wrapping[32], struct span purpose, struct span box)
{
    static struct key k;
    if (box.len < sizeof(struct key) + CRYPTO_SEAL_OVERHEAD || box.len > sizeof record + CRYPTO_SEAL_OVERHEAD)
        return SW_WRONG_DATA;
    enum sw sw = SW_WRONG_DATA;
    if (crypto_open(wrapping, purpose.data, purpose.len, box.data, box.len, (uint8_t *)&record) == CRYPTO_OK) {
        k = record.key;
        k.generated = KEY_RESTORED;
        bool whole = box.len - CRYPTO_SEAL_OVERHEAD == sizeof(struct key) + secret_len(&k);
        if (whole && key_is_sound(&k) && belongs(&k)) /* nobody without the domain's key made it; it is looked at all the same */
            sw = commit(index, &k);
    }
    crypto_wipe(&record, sizeof record);
    crypto_wipe(&rsa, sizeof rsa);
    return sw;
}

static int sign_rsa(const struct key *k, struct span t, uint8_t *out)
{
    size_t half = k->bits / 16;
    uint8_t *parts[] = {rsa.p, rsa.q, rsa.dp, rsa.dq, rsa.iq};
    for (size_t i = 0; i < 5; i++)
        memcpy(parts[i], record.secret + i * half, half);
    rsa.pub.bits = k->bits;
    rsa.pub.e = k->e;
    memcpy(rsa.pub.n, k->public, k->bits / 8);
    int err = crypto_rsa_sign(&rsa, t.data, t.len, out);
    crypto_wipe(&rsa, sizeof rsa);
    return err;
}

static int sign_ed25519(const struct key *k, struct span t, uint8_t *out)
{
    struct crypto_ed25519 ed;
    memcpy(ed.seed, record.secret, 32);
    memcpy(ed.public, k->public, 32);
    int err = crypto_ed25519_check(&ed);
    if (err == CRYPTO_OK)
        err = crypto_ed25519_sign(&ed, t.data, t.len, out);
    crypto_wipe(&ed, sizeof ed);
    return err;
}

enum sw keys_sign(unsigned index, struct span t, struct tlv_out *signature)
{
    uint8_t out[CRYPTO_RSA_MAX];
    const struct key *k = keys_get(index);
    if (k == NULL)
        return SW_NOT_FOUND;
    if (!read_record(index))
        return SW_MEMORY_FAILURE;
    int err = key_is_ed25519(k) ? sign_ed25519(k, t, out) : sign_rsa(k, t, out);
    crypto_wipe(&record, sizeof record);
    if (err == CRYPTO_OK)
        tlv_put(signature, span_of(out, key_signature_len(k)));
    return err == CRYPTO_OK ? SW_OK : err == CRYPTO_EPARAM ? SW_WRONG_DATA : SW_FAULT;
}
