#include "core/sign.h"

#include "core/block.h"
#include "core/ledger.h"
#include "hal.h"

static struct ticket {
    bool valid;
    uint8_t key;
    uint64_t over_ms;
    uint8_t hash[CRYPTO_SHA256_LEN];
} tickets[TICKETS];
static unsigned oldest; /* the one that the next overwrites */

static void ticket_put(unsigned key, const uint8_t hash[CRYPTO_SHA256_LEN])
{
    struct ticket *t = &tickets[oldest++ % TICKETS];
    *t = (struct ticket){.valid = true, .key = (uint8_t)key, .over_ms = hal_now_ms() + TICKET_LIFE_MS};
    memcpy(t->hash, hash, sizeof t->hash);
}

static bool ticket_take(unsigned key, const uint8_t hash[CRYPTO_SHA256_LEN])
{
    for (unsigned i = 0; i < TICKETS; i++) {
        struct ticket *t = &tickets[i];
        if (!t->valid || t->key != key || memcmp(t->hash, hash, sizeof t->hash) != 0)
            continue;
        t->valid = false;
        if (hal_now_ms() < t->over_ms)
            return true;
    }
    return false;
}

void sign_forget(void)
{
    memset(tickets, 0, sizeof tickets);
}

enum sw sign_key_event(unsigned key, uint8_t verdict)
{
    uint8_t hash[CRYPTO_SHA256_LEN] = {0};
    const struct key *k = keys_get(key);
    if (k != NULL)
        crypto_sha256(k->public, key_public_len(k), hash);
    for (unsigned i = 0; i < TICKETS; i++)
        if (tickets[i].key == key)
            tickets[i].valid = false;
    return ledger_append(key, verdict, hash) == 0 ? SW_OK : SW_MEMORY_FAILURE;
}

enum sw sign_key_delete(unsigned key)
{
    enum sw sw = sign_key_event(key, LEDGER_KEY_DELETED);
    return sw == SW_OK ? keys_delete(key) : sw;
}

static enum sw refuse(unsigned key, enum reason r, const uint8_t hash[CRYPTO_SHA256_LEN])
{
    return ledger_append(key, (uint8_t)r, hash) == 0 ? (enum sw)(SW_DKIM_REFUSED | (int)r) : SW_MEMORY_FAILURE;
}

/* In the ledger, then signed. */
static enum sw sign_and_log(unsigned key, struct span t, const uint8_t hash[CRYPTO_SHA256_LEN], struct tlv_out *signature)
{
    enum reason limit = ledger_limits(key);
    if (limit != REASON_OK)
        return refuse(key, limit, hash);
    if (ledger_append(key, 0, hash) != 0)
        return SW_MEMORY_FAILURE;
    enum sw sw = keys_sign(key, t, signature);
    return sw == SW_OK || ledger_append(key, LEDGER_FAULT, hash) == 0 ? sw : SW_MEMORY_FAILURE;
}

/* A DigestInfo for RSA, the hash itself for Ed25519 (RFC 8463). */
static struct span to_be_signed(const struct key *k, const uint8_t *hash, uint8_t info[CRYPTO_DIGESTINFO_LEN])
{
    if (key_is_ed25519(k))
        return span_of(hash, CRYPTO_SHA256_LEN);
    crypto_digestinfo(hash, info);
    return span_of(info, CRYPTO_DIGESTINFO_LEN);
}

static enum sw check(unsigned key, struct span block, uint8_t hash[CRYPTO_SHA256_LEN])
{
    const struct key *k = keys_get(key);
    if (k == NULL)
        return SW_NOT_FOUND;
    if (k->domain_len == 0)
        return SW_CONDITIONS; /* made by the OpenPGP application, bound to nothing */
    struct sig_policy policy = key_sig_policy(k);
    crypto_sha256(block.data, block.len, hash);
    enum reason r = block_check(block, &policy);
    if (r == REASON_OK)
        r = ledger_limits(key);
    return r == REASON_OK ? SW_OK : refuse(key, r, hash);
}

enum sw sign_block(unsigned key, struct span block, struct tlv_out *signature)
{
    uint8_t hash[CRYPTO_SHA256_LEN], info[CRYPTO_DIGESTINFO_LEN];
    enum sw sw = check(key, block, hash);
    return sw == SW_OK ? sign_and_log(key, to_be_signed(keys_get(key), hash, info), hash, signature) : sw;
}

enum sw sign_ticket(unsigned key, struct span block, struct tlv_out *out)
{
    uint8_t hash[CRYPTO_SHA256_LEN];
    if (keys_get(key) != NULL && keys_get(key)->policy != KEY_TICKET)
        return SW_CONDITIONS;
    enum sw sw = check(key, block, hash);
    if (sw != SW_OK)
        return sw;
    if (ledger_append(key, LEDGER_TICKET, hash) != 0)
        return SW_MEMORY_FAILURE;
    ticket_put(key, hash);
    tlv_put(out, span_of(hash, sizeof hash));
    return SW_OK;
}

/* The SHA-256 that a ticket key is asked to sign, or NULL when it is asked for something else. */
static const uint8_t *hash_in(const struct key *k, struct span t)
{
    uint8_t info[CRYPTO_DIGESTINFO_LEN];
    size_t before = key_is_ed25519(k) ? 0 : sizeof info - CRYPTO_SHA256_LEN;
    if (t.len != before + CRYPTO_SHA256_LEN)
        return NULL;
    crypto_digestinfo(t.data + before, info);
    return memcmp(info, t.data, before) == 0 ? t.data + before : NULL;
}

enum sw sign_given(unsigned key, struct span t, struct tlv_out *signature)
{
    uint8_t whole[CRYPTO_SHA256_LEN];
    const struct key *k = keys_get(key);
    if (k == NULL)
        return SW_NOT_FOUND;
    const uint8_t *hash = hash_in(k, t);
    if (hash == NULL) {
        crypto_sha256(t.data, t.len, whole);
        if (k->policy == KEY_BLIND)
            return sign_and_log(key, t, whole, signature);
    } else if (k->policy == KEY_BLIND || (k->policy == KEY_TICKET && ticket_take(key, hash))) {
        return sign_and_log(key, t, hash, signature);
    }
    return ledger_append(key, LEDGER_BLIND, hash == NULL ? whole : hash) == 0 ? SW_CONDITIONS : SW_MEMORY_FAILURE;
}
