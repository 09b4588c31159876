#include "core/vault.h"

#include "crypto.h"
#include "hal.h"

enum { HEADER = 16, BLOCKS_MAX = 6, OVERHEAD = HEADER + CRYPTO_SEAL_OVERHEAD };
static const uint8_t magic[4] = {'Z', 'g', 'l', '1'};

/* The version of an object that counts. sequence 0: none. */
struct current {
    uint64_t sequence;
    uint16_t len; /* 0: deleted */
    uint8_t slot;
};
static struct current table[VAULT_OBJECTS];
static uint8_t seal_key[32];
static uint8_t image[BLOCKS_MAX * HAL_BLOCK_SIZE], plain[BLOCKS_MAX * HAL_BLOCK_SIZE];

_Static_assert(VAULT_KEY_MAX == 5 * HAL_BLOCK_SIZE - OVERHEAD, "a key fills its blocks");
_Static_assert(VAULT_CARD_MAX == 6 * HAL_BLOCK_SIZE - OVERHEAD, "and so does the card's data");
_Static_assert(VAULT_LOG_FIRST + VAULT_LOG_BLOCKS <= HAL_BLOCK_COUNT_MIN, "all fits into the smallest store");

static uint32_t blocks_of(enum vault_object o)
{
    return o >= VAULT_KEY_0 ? 5 : o == VAULT_CARD ? 6 : 2;
}

static uint32_t first_block(enum vault_object o, unsigned slot)
{
    uint32_t at = 0;
    for (unsigned i = 0; i < (unsigned)o; i++)
        at += 2 * blocks_of((enum vault_object)i);
    return at + slot * blocks_of(o);
}

void vault_derive(const char *purpose, uint8_t out[32])
{
    uint8_t secret[32];
    if (hal_device_secret(secret) != HAL_OK)
        hal_panic("the device's secret cannot be read");
    crypto_hkdf(secret, sizeof secret, NULL, 0, purpose, strlen(purpose), out, 32);
    crypto_wipe(secret, sizeof secret);
}

static void put_be(uint8_t *out, uint64_t v, unsigned octets)
{
    while (octets-- > 0)
        *out++ = (uint8_t)(v >> (8 * octets));
}

static uint64_t get_be(const uint8_t *in, unsigned octets)
{
    uint64_t v = 0;
    while (octets-- > 0)
        v = v << 8 | *in++;
    return v;
}

/* Reads one slot into `image` and opens it into `plain`. 1: whole, 0: not, -1: the medium failed. *blank: all zeros. */
static int read_slot(enum vault_object o, unsigned slot, struct current *out, bool *blank)
{
    uint32_t count = blocks_of(o), first = first_block(o, slot);
    for (uint32_t i = 0; i < count; i++)
        if (hal_block_read(first + i, image + i * HAL_BLOCK_SIZE) != HAL_OK)
            return -1;
    *blank = span_is_blank(span_of(image, count * HAL_BLOCK_SIZE));
    size_t len = (size_t)get_be(image + 6, 2);
    if (memcmp(image, magic, sizeof magic) != 0 || get_be(image + 4, 2) != (uint64_t)o || len + OVERHEAD > count * HAL_BLOCK_SIZE)
        return 0;
    if (crypto_open(seal_key, image, HEADER, image + HEADER, len + CRYPTO_SEAL_OVERHEAD, plain) != CRYPTO_OK)
        return 0;
    *out = (struct current){.sequence = get_be(image + 8, 8), .len = (uint16_t)len, .slot = (uint8_t)slot};
    return 1;
}

static int wipe_slot(enum vault_object o, unsigned slot)
{
    static const uint8_t zeros[HAL_BLOCK_SIZE];
    for (uint32_t i = 0; i < blocks_of(o); i++)
        if (hal_block_write(first_block(o, slot) + i, zeros) != HAL_OK)
            return -1;
    return hal_block_flush() == HAL_OK ? 0 : -1;
}

/* Which version counts, and the end of a wipe that was interrupted. 0, or -1. */
static int open_object(enum vault_object o, bool *torn)
{
    struct current found[2] = {{0}, {0}};
    bool blank[2];
    int whole[2];
    for (unsigned slot = 0; slot < 2; slot++)
        if ((whole[slot] = read_slot(o, slot, &found[slot], &blank[slot])) < 0)
            return -1;
    unsigned best = found[1].sequence > found[0].sequence;
    table[o] = found[best];
    *torn = !whole[best] && !blank[0] && !blank[1];
    if (o >= VAULT_KEY_0 && whole[best] && !blank[!best])
        return wipe_slot(o, !best);
    return 0;
}

int vault_open(bool *fresh)
{
    vault_derive("zegel vault", seal_key);
    *fresh = false;
    memset(table, 0, sizeof table);
    for (unsigned o = 0; o < VAULT_OBJECTS; o++) {
        bool torn;
        if (open_object((enum vault_object)o, &torn) != 0)
            return -1;
        if (torn && o < VAULT_KEY_0) {
            hal_log("store: no whole version of an object is left");
            return -1;
        }
    }
    crypto_wipe(plain, sizeof plain);
    *fresh = !vault_has(VAULT_DEVICE);
    return *fresh || (vault_has(VAULT_PINS) && vault_has(VAULT_COUNTERS) && vault_has(VAULT_CARD)) ? 0 : -1;
}

bool vault_has(enum vault_object o)
{
    return table[o].sequence > 0 && table[o].len > 0;
}

int vault_get(enum vault_object o, void *out, size_t cap)
{
    struct current c;
    bool blank;
    if (!vault_has(o) || table[o].len > cap || read_slot(o, table[o].slot, &c, &blank) != 1)
        return -1;
    bool same = c.sequence == table[o].sequence && c.len == table[o].len;
    if (same)
        memcpy(out, plain, c.len);
    crypto_wipe(plain, c.len);
    return same ? c.len : -1;
}

static int write_version(enum vault_object o, const void *data, size_t len)
{
    unsigned slot = table[o].sequence == 0 ? 0 : !table[o].slot;
    uint64_t sequence = table[o].sequence + 1;
    size_t total = len + OVERHEAD, blocks = (total + HAL_BLOCK_SIZE - 1) / HAL_BLOCK_SIZE;
    if (blocks > blocks_of(o))
        return -1;
    memset(image, 0, sizeof image);
    memcpy(image, magic, sizeof magic);
    put_be(image + 4, (uint64_t)o, 2);
    put_be(image + 6, len, 2);
    put_be(image + 8, sequence, 8);
    crypto_seal(seal_key, image, HEADER, data, len, image + HEADER);
    for (size_t i = 0; i < blocks; i++)
        if (hal_block_write(first_block(o, slot) + (uint32_t)i, image + i * HAL_BLOCK_SIZE) != HAL_OK)
            return -1;
    if (hal_block_flush() != HAL_OK)
        return -1;
    table[o] = (struct current){sequence, (uint16_t)len, (uint8_t)slot};
    return o >= VAULT_KEY_0 && sequence > 1 ? wipe_slot(o, !slot) : 0;
}

int vault_put(enum vault_object o, const void *data, size_t len)
{
    return len == 0 ? -1 : write_version(o, data, len);
}

/* A version of no octets: then a slot that was not wiped yet is older than it. */
int vault_delete(enum vault_object o)
{
    return vault_has(o) ? write_version(o, "", 0) : 0;
}
