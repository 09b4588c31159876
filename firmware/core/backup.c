#include "core/backup.h"

enum { KEY = 32, VERSION = 1, HEAD = 4 + BACKUP_ID };

/* What the store has. */
static struct {
    uint8_t key[KEY], id[BACKUP_ID];
} domain;
static bool there;

/* A domain in the making: its shares, each until it was read; or those that were brought, until they are enough. */
static struct {
    uint8_t n, m, id[BACKUP_ID];
    uint16_t open; /* bit i: share i + 1 was not read yet; or was brought */
    bool making;
    uint8_t shares[BACKUP_SHARES_MAX][KEY];
} work;

/* ---- GF(2^8) with the polynomial of AES, in constant time */

static uint8_t times(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (int i = 0; i < 8; i++) {
        product ^= (uint8_t)(-(b & 1) & a);
        a = (uint8_t)(a << 1 ^ (-(a >> 7) & 0x1b));
        b >>= 1;
    }
    return product;
}

/* a^254; 0 stays 0. */
static uint8_t inverse(uint8_t a)
{
    uint8_t r = 1;
    for (int i = 0; i < 7; i++) {
        a = times(a, a);
        r = times(r, a);
    }
    return r;
}

/* The polynomials' value at 0 (Lagrange), from n of the shares whose bits are set. */
static void combine(uint16_t from, uint8_t out[KEY])
{
    unsigned x[BACKUP_SHARES_MAX], count = 0;
    for (unsigned i = 0; i < BACKUP_SHARES_MAX && count < work.n; i++)
        if ((from & 1U << i) != 0)
            x[count++] = i + 1;
    memset(out, 0, KEY);
    for (unsigned i = 0; i < count; i++) {
        uint8_t factor = 1;
        for (unsigned j = 0; j < count; j++)
            if (j != i)
                factor = times(factor, times((uint8_t)x[j], inverse((uint8_t)(x[i] ^ x[j]))));
        for (unsigned k = 0; k < KEY; k++)
            out[k] ^= times(factor, work.shares[x[i] - 1][k]);
    }
}

static void id_of(const uint8_t key[KEY], uint8_t id[BACKUP_ID])
{
    uint8_t hash[CRYPTO_SHA256_LEN];
    crypto_hmac(key, KEY, "zegel backup domain", 19, hash);
    memcpy(id, hash, BACKUP_ID);
}

/* ---- the domain */

int backup_open(void)
{
    there = vault_has(VAULT_BACKUP);
    return !there || vault_get(VAULT_BACKUP, &domain, sizeof domain) == (int)sizeof domain ? 0 : -1;
}

int backup_delete(void)
{
    there = false;
    crypto_wipe(&domain, sizeof domain);
    backup_forget();
    return vault_delete(VAULT_BACKUP);
}

void backup_forget(void)
{
    crypto_wipe(&work, sizeof work);
}

const uint8_t *backup_id(void)
{
    return there ? domain.id : NULL;
}

static enum sw settle(const uint8_t key[KEY])
{
    memcpy(domain.key, key, KEY);
    memcpy(domain.id, work.id, BACKUP_ID);
    there = vault_put(VAULT_BACKUP, &domain, sizeof domain) == 0;
    if (!there)
        crypto_wipe(&domain, sizeof domain);
    return there ? SW_OK : SW_MEMORY_FAILURE;
}

enum sw backup_new(unsigned n, unsigned m)
{
    uint8_t powers[BACKUP_SHARES_MAX][KEY];
    if (there)
        return SW_EXISTS;
    if (n < 2 || n > m || m > BACKUP_SHARES_MAX)
        return SW_WRONG_P1P2;
    backup_forget();
    work.making = true;
    work.n = (uint8_t)n;
    work.m = (uint8_t)m;
    work.open = (uint16_t)((1U << m) - 1);
    crypto_random(powers, n * KEY); /* the key is the first of them, the value at 0 */
    id_of(powers[0], work.id);
    for (unsigned i = 0; i < m; i++)
        for (unsigned power = n; power-- > 0;)
            for (unsigned k = 0; k < KEY; k++)
                work.shares[i][k] = times(work.shares[i][k], (uint8_t)(i + 1)) ^ powers[power][k];
    crypto_wipe(powers, sizeof powers);
    return SW_OK;
}

static void checksum(const uint8_t share[BACKUP_SHARE], uint8_t out[4])
{
    uint8_t hash[CRYPTO_SHA256_LEN];
    crypto_sha256(share, BACKUP_SHARE - 4, hash);
    memcpy(out, hash, 4);
}

/* The domain counts with the last one that is read, before it leaves. */
enum sw backup_share(unsigned number, struct tlv_out *out)
{
    uint8_t share[BACKUP_SHARE] = {VERSION, work.n, work.m, (uint8_t)number}, key[KEY];
    enum sw sw = SW_OK;
    if (!work.making || number < 1 || number > work.m || (work.open & 1U << (number - 1)) == 0)
        return SW_CONDITIONS;
    memcpy(share + 4, work.id, BACKUP_ID);
    memcpy(share + HEAD, work.shares[number - 1], KEY);
    checksum(share, share + HEAD + KEY);
    work.open &= (uint16_t) ~(1U << (number - 1));
    if (work.open == 0) {
        combine(0xffff, key);
        sw = settle(key);
        crypto_wipe(key, sizeof key);
        backup_forget();
    }
    if (sw == SW_OK)
        tlv_put(out, span_of(share, sizeof share));
    crypto_wipe(share, sizeof share);
    return sw;
}

/* A first share says what the others must fit to. */
static bool fits(const uint8_t *s)
{
    uint8_t sum[4], n = s[1], m = s[2], number = s[3];
    checksum(s, sum);
    if (s[0] != VERSION || n < 2 || n > m || m > BACKUP_SHARES_MAX || number < 1 || number > m ||
        memcmp(sum, s + HEAD + KEY, sizeof sum) != 0)
        return false;
    if (work.open == 0 || work.making) {
        backup_forget();
        work.n = n;
        work.m = m;
        memcpy(work.id, s + 4, BACKUP_ID);
    }
    return n == work.n && m == work.m && memcmp(work.id, s + 4, BACKUP_ID) == 0;
}

enum sw backup_join(struct span share, struct tlv_out *out)
{
    uint8_t key[KEY], id[BACKUP_ID];
    unsigned have = 0;
    if (there)
        return SW_EXISTS;
    if (share.len != BACKUP_SHARE || !fits(share.data))
        return SW_WRONG_DATA;
    unsigned number = share.data[3];
    memcpy(work.shares[number - 1], share.data + HEAD, KEY);
    work.open |= (uint16_t)(1U << (number - 1));
    for (unsigned i = 0; i < BACKUP_SHARES_MAX; i++)
        have += work.open >> i & 1;
    tlv_put_u8(out, (uint8_t)(work.n - have));
    if (have < work.n)
        return SW_OK;
    combine(work.open, key);
    id_of(key, id);
    enum sw sw = memcmp(id, work.id, BACKUP_ID) == 0 ? settle(key) : SW_WRONG_DATA;
    crypto_wipe(key, sizeof key);
    backup_forget();
    return sw;
}

/* ---- keys */

static struct span purpose(uint8_t room[16 + BACKUP_ID])
{
    memcpy(room, "zegel key box 1\0", 16);
    memcpy(room + 16, domain.id, BACKUP_ID);
    return span_of(room, 16 + BACKUP_ID);
}

enum sw backup_export(unsigned index, struct tlv_out *out)
{
    uint8_t room[16 + BACKUP_ID];
    const struct key *k = keys_get(index);
    if (k == NULL)
        return SW_NOT_FOUND;
    if (!there || (k->flags & KEY_MAY_LEAVE) == 0 || memcmp(k->backup, domain.id, BACKUP_ID) != 0)
        return SW_CONDITIONS;
    return keys_wrap(index, domain.key, purpose(room), out);
}

enum sw backup_restore(unsigned index, struct span box)
{
    uint8_t room[16 + BACKUP_ID];
    return there ? keys_unwrap(index, domain.key, purpose(room), box) : SW_CONDITIONS;
}
