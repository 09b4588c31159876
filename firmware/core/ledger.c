#include "core/ledger.h"

#include "hal.h"

enum {
    MAC_AT = HAL_BLOCK_SIZE - 32,
    SNAPSHOT_EVERY = 256,
    HEADER = 6,
    BODY_FIXED = 32 + 8 + 1 + KEY_ID_LEN + 8 + 4 + 4 + 1 + 32
};
static const uint8_t magic[4] = {'Z', 'l', 'o', 'g'};
_Static_assert(HEADER + BODY_FIXED + 2 + NAME_LEN_MAX + KEY_SELECTOR_MAX <= MAC_AT, "an entry fits into its block");
_Static_assert(SNAPSHOT_EVERY < VAULT_LOG_BLOCKS / 2, "entries behind the snapshot are still in the ring");

/* Fixed layout: the object VAULT_COUNTERS. */
static struct snapshot {
    uint64_t sequence;
    uint8_t head[LEDGER_HASH];
    struct ledger_counter counters[KEYS];
} now;
static uint64_t next, saved;        /* the next entry's number; the one of the snapshot in the store */
static uint64_t day_began_ms[KEYS]; /* hal_now_ms() when counters[].day_s was right */
static struct {
    uint64_t at_ms; /* when one more token is due; see ledger_limits */
} bucket[KEYS];
static uint8_t mac_key[32], block[HAL_BLOCK_SIZE];

static uint32_t block_of(uint64_t sequence)
{
    return VAULT_LOG_FIRST + (uint32_t)(sequence % VAULT_LOG_BLOCKS);
}

/* ---- one entry in `block` */

static void seal_block(size_t body_len)
{
    memcpy(block, magic, sizeof magic);
    block[4] = (uint8_t)(body_len >> 8);
    block[5] = (uint8_t)body_len;
    crypto_hmac(mac_key, sizeof mac_key, block, MAC_AT, block + MAC_AT);
}

/* The body of a whole entry; length 0 when the block has none. */
static struct span body_of_block(void)
{
    uint8_t mac[32];
    size_t len = (size_t)block[4] << 8 | block[5];
    if (memcmp(block, magic, sizeof magic) != 0 || len < BODY_FIXED + 2 || len > MAC_AT - HEADER)
        return span_of(NULL, 0);
    crypto_hmac(mac_key, sizeof mac_key, block, MAC_AT, mac);
    return crypto_equal(mac, block + MAC_AT, sizeof mac) ? span_of(block + HEADER, len) : span_of(NULL, 0);
}

static void put_body(struct tlv_out *o, unsigned key, uint8_t verdict, const uint8_t hash[LEDGER_HASH])
{
    static const struct key none;
    const struct key *k = keys_get(key) == NULL ? &none : keys_get(key);
    const struct ledger_counter *c = &now.counters[key];
    tlv_put(o, span_of(now.head, sizeof now.head));
    tlv_put_uint(o, next, 8);
    tlv_put_u8(o, (uint8_t)key);
    tlv_put(o, span_of(k->id, sizeof k->id));
    tlv_put_uint(o, c->signatures, 8);
    tlv_put_uint(o, c->day_used, 4);
    tlv_put_uint(o, c->day_s, 4);
    tlv_put_u8(o, verdict);
    tlv_put(o, span_of(hash, LEDGER_HASH));
    tlv_put_u8(o, k->domain_len);
    tlv_put(o, span_of(k->domain, k->domain_len));
    tlv_put_u8(o, k->selector_len);
    tlv_put(o, span_of(k->selector, k->selector_len));
}

static uint64_t sequence_of(struct span body)
{
    return tlv_uint(span_cut(body, 32, 40));
}

static bool is_new_key(uint8_t verdict)
{
    return verdict == LEDGER_KEY_MADE || verdict == LEDGER_KEY_IMPORTED || verdict == LEDGER_RESTORED;
}

/* What an entry says about the counters, at boot. */
static void replay(struct span body)
{
    unsigned key = body.data[40];
    uint8_t verdict = body.data[65];
    now.sequence = sequence_of(body);
    crypto_sha256(body.data, body.len, now.head);
    if (key >= KEYS)
        return;
    struct ledger_counter *c = &now.counters[key];
    c->signatures = tlv_uint(span_cut(body, 49, 57));
    c->day_used = (uint32_t)tlv_uint(span_cut(body, 57, 61));
    c->day_s = (uint32_t)tlv_uint(span_cut(body, 61, 65));
    if (is_new_key(verdict))
        c->since = c->signatures;
}
_Static_assert(BODY_FIXED == 98, "the offsets in replay");

/* ---- opening */

static int save_snapshot(void)
{
    if (vault_put(VAULT_COUNTERS, &now, sizeof now) != 0)
        return -1;
    saved = now.sequence;
    return 0;
}

int ledger_format(void)
{
    memset(&now, 0, sizeof now);
    return save_snapshot();
}

/* A block that has neither an entry nor nothing was being written when power failed. */
static bool is_torn(void)
{
    return !span_is_blank(span_of(block, sizeof block)) && body_of_block().len == 0;
}

/* The entries behind the snapshot, in order; and the first number whose block is free to take one. */
int ledger_open(void)
{
    vault_derive("zegel log", mac_key);
    if (vault_get(VAULT_COUNTERS, &now, sizeof now) != (int)sizeof now)
        return -1;
    saved = now.sequence;
    for (uint64_t s = saved + 1; s < saved + VAULT_LOG_BLOCKS; s++) {
        if (hal_block_read(block_of(s), block) != HAL_OK)
            return -1;
        struct span body = body_of_block();
        if (body.len > 0 && sequence_of(body) == s)
            replay(body);
    }
    for (next = now.sequence + 1; next <= now.sequence + VAULT_LOG_BLOCKS; next++) {
        if (hal_block_read(block_of(next), block) != HAL_OK)
            return -1;
        if (!is_torn())
            break;
    }
    if (next > now.sequence + VAULT_LOG_BLOCKS)
        return -1; /* no power cut does that to the whole ring */
    for (unsigned i = 0; i < KEYS; i++) {
        day_began_ms[i] = hal_now_ms();
        bucket[i].at_ms = hal_now_ms();
    }
    return 0;
}

/* ---- limits */

/* A day is 86,400 seconds of power: there is no clock to trust, and time without power does not count, so that pulling the plug
 * gives nobody a new day. */
static void pass_time(unsigned key)
{
    struct ledger_counter *c = &now.counters[key];
    uint64_t passed_s = (hal_now_ms() - day_began_ms[key]) / 1000, total = c->day_s + passed_s;
    day_began_ms[key] += passed_s * 1000;
    if (total >= KEY_DAY_S) {
        c->day_used = 0;
        total %= KEY_DAY_S;
    }
    c->day_s = (uint32_t)total;
}

enum { BURST_MS = 1000 };

enum reason ledger_limits(unsigned key)
{
    const struct key *k = keys_get(key);
    pass_time(key);
    if (k == NULL)
        return REASON_OK;
    if (k->daily_cap != 0 && now.counters[key].day_used >= k->daily_cap)
        return REASON_DAILY_CAP;
    return k->rate != 0 && hal_now_ms() + BURST_MS < bucket[key].at_ms ? REASON_RATE : REASON_OK;
}

static void take(unsigned key)
{
    const struct key *k = keys_get(key);
    now.counters[key].signatures++;
    now.counters[key].day_used++;
    if (k == NULL || k->rate == 0)
        return;
    if (bucket[key].at_ms < hal_now_ms())
        bucket[key].at_ms = hal_now_ms();
    bucket[key].at_ms += 60000 / k->rate;
}

/* ---- appending */

int ledger_append(unsigned key, uint8_t verdict, const uint8_t hash[LEDGER_HASH])
{
    struct snapshot before = now;
    pass_time(key);
    if (verdict == 0)
        take(key);
    if (is_new_key(verdict))
        now.counters[key].since = now.counters[key].signatures;
    memset(block, 0, sizeof block);
    struct tlv_out o = tlv_out_of(block + HEADER, MAC_AT - HEADER);
    put_body(&o, key, verdict, hash);
    seal_block(o.len);
    uint64_t sequence = next++; /* used up, whatever comes of it */
    if (o.overflow || hal_block_write(block_of(sequence), block) != HAL_OK || hal_block_flush() != HAL_OK) {
        now = before;
        return -1;
    }
    now.sequence = sequence;
    crypto_sha256(block + HEADER, o.len, now.head);
    return now.sequence - saved >= SNAPSHOT_EVERY ? save_snapshot() : 0;
}

uint64_t ledger_sequence(void)
{
    return now.sequence;
}

void ledger_head(uint8_t head[LEDGER_HASH])
{
    memcpy(head, now.head, LEDGER_HASH);
}

const struct ledger_counter *ledger_counter(unsigned key)
{
    return &now.counters[key];
}

int ledger_read(uint64_t sequence, uint8_t body[LEDGER_ENTRY_MAX])
{
    if (hal_block_read(block_of(sequence), block) != HAL_OK)
        return -1;
    struct span found = body_of_block();
    if (found.len == 0 || sequence_of(found) != sequence)
        return -1;
    memcpy(body, found.data, found.len);
    return (int)found.len;
}
