/* The own application: keys that sign header blocks the token has parsed itself; the log; attestation. See README.md. */
#include "core/backup.h"
#include "core/block.h"
#include "core/card.h"
#include "core/device.h"
#include "core/ledger.h"
#include "core/session.h"
#include "core/sign.h"
#include "hal.h"
#include "token.h"

const uint8_t zegel_aid[7] = {0xf0, 'Z', 'e', 'g', 'e', 'l', 0x01};

enum { NONCE = 32, KEY_NUMBER_OWN = 0x10 };

/* The header block as it comes. Whole before it is looked at: what is parsed is what is hashed. */
static struct {
    bool begun, too_large;
    uint8_t number;
    size_t len;
    uint8_t data[BLOCK_MAX];
} block;

void zegel_forget(void)
{
    block.begun = false;
    block.len = 0;
}

/* ---- key numbers: 1 and 3 are those of the OpenPGP application, 10 and up our own */

static unsigned index_of(uint8_t number)
{
    if (number == 1 || number == 3)
        return number - 1U;
    return number >= KEY_NUMBER_OWN && number < KEY_NUMBER_OWN + KEYS - KEY_OWN ? number - KEY_NUMBER_OWN + (unsigned)KEY_OWN
                                                                                : KEYS;
}

static uint8_t number_of(unsigned index)
{
    return (uint8_t)(index < KEY_OWN ? index + 1 : index - KEY_OWN + KEY_NUMBER_OWN);
}

/* ---- what is said about the token and its keys */

static void put_number(struct tlv_out *out, uint16_t tag, uint64_t v, unsigned octets)
{
    size_t begin = tlv_begin(out, tag);
    tlv_put_uint(out, v, octets);
    tlv_end(out, begin);
}

static void put_state(struct tlv_out *out)
{
    uint8_t head[LEDGER_HASH];
    ledger_head(head);
    put_number(out, 0x90, ledger_sequence(), 8);
    tlv_put_object(out, 0x91, span_of(head, sizeof head));
}

static void put_key(unsigned index, struct tlv_out *out)
{
    const struct key *k = keys_get(index);
    tlv_put_object(out, 0x88, span_of(k->id, sizeof k->id));
    put_number(out, 0x80, key_is_ed25519(k) ? 0 : k->bits, 2);
    put_number(out, 0x81, k->policy, 1);
    tlv_put_object(out, 0x82, span_of(k->domain, k->domain_len));
    tlv_put_object(out, 0x83, span_of(k->selector, k->selector_len));
    put_number(out, 0x84, k->flags, 1);
    put_number(out, 0x85, k->rate, 4);
    put_number(out, 0x86, k->daily_cap, 4);
    put_number(out, 0x87, k->life_max_s, 4);
    put_number(out, 0x89, k->generated, 1);
    put_number(out, 0x8a, ledger_counter(index)->signatures - ledger_counter(index)->since, 8);
    put_number(out, 0x8b, ledger_counter(index)->day_used, 4);
    tlv_put_object(out, 0x8c, span_of(k->public, key_public_len(k)));
    if (!key_is_ed25519(k))
        put_number(out, 0x8d, k->e, 4);
}

/* What is the same for as long as no key is made. */
static void put_token(struct tlv_out *out)
{
    uint8_t public[32];
    size_t begin = tlv_begin(out, 0x4f);
    card_aid(out);
    tlv_end(out, begin);
    tlv_put_object(out, 0x5f2f, SPAN_LIT(TOKEN_VERSION));
    put_number(out, 0x93, KEYS - KEY_OWN, 1);
    device_public(public);
    tlv_put_object(out, 0x94, span_of(public, sizeof public));
    begin = tlv_begin(out, 0x95);
    for (unsigned i = 0; i < KEYS; i++)
        if (keys_get(i) != NULL)
            tlv_put_u8(out, number_of(i));
    tlv_end(out, begin);
}

static enum sw info(struct tlv_out *out)
{
    const char *port = hal_version();
    put_token(out);
    tlv_put_object(out, 0x5f2e, span_of(port, strlen(port)));
    put_number(out, 0x92, device_boots(), 8);
    if (backup_id() != NULL)
        tlv_put_object(out, 0x99, span_of(backup_id(), BACKUP_ID));
    put_state(out);
    return SW_OK;
}

enum sw zegel_select(struct tlv_out *out)
{
    put_token(out);
    return device_terminated() ? SW_TERMINATED : SW_OK;
}

/* ---- signing: BEGIN, UPDATE, FINISH */

static enum sw begin(const struct apdu *c)
{
    zegel_forget();
    unsigned index = index_of(c->p1);
    if (!session.user_other)
        return SW_SECURITY;
    if (keys_get(index) == NULL)
        return SW_NOT_FOUND;
    block.begun = true;
    block.too_large = false;
    block.number = c->p1;
    return SW_OK;
}

static enum sw update(struct span data)
{
    if (!block.begun)
        return (enum sw)(SW_DKIM_REFUSED | (int)REASON_NOT_BEGUN);
    if (data.len > sizeof block.data - block.len)
        block.too_large = true;
    else if (data.len > 0) {
        memcpy(block.data + block.len, data.data, data.len);
        block.len += data.len;
    }
    return block.too_large ? (enum sw)(SW_DKIM_REFUSED | (int)REASON_BLOCK_LARGE) : SW_OK;
}

/* P1 00: a signature, 01: a ticket. Data, if any, is the end of the block. Whatever comes of it, the block is over. */
static enum sw finish(const struct apdu *c, struct tlv_out *out)
{
    enum sw sw = c->p1 > 1 ? SW_WRONG_P1P2 : update(c->data);
    if (sw == SW_OK && !session.user_other)
        sw = SW_SECURITY;
    if (sw == SW_OK) {
        struct span whole = span_of(block.data, block.len);
        unsigned index = index_of(block.number);
        sw = c->p1 == 0 ? sign_block(index, whole, out) : sign_ticket(index, whole, out);
    }
    zegel_forget();
    return sw;
}

/* What is not a header block: for blind keys, and a ticket's hash. Who decides is sign_given. */
static enum sw sign_data(unsigned index, struct span data, struct tlv_out *out)
{
    if (!session.user_other)
        return SW_SECURITY;
    return data.len == 0 ? SW_WRONG_LENGTH : sign_given(index, data, out);
}

/* ---- keys */

/* What is no name is left out. */
static void take_name(struct span in, uint16_t tag, uint8_t *out, size_t max, uint8_t *len)
{
    struct span v;
    if (!tlv_find(in, tag, &v) || v.len > max || name_check(v) != NAME_OK)
        return;
    memcpy(out, v.data, v.len);
    *len = (uint8_t)v.len;
}

/* A number that may be left out. False: there, and longer than `octets`. */
static bool take_number(struct span in, uint16_t tag, size_t octets, uint32_t *out)
{
    struct span v;
    if (!tlv_find(in, tag, &v))
        return true;
    *out = (uint32_t)tlv_uint(v);
    return v.len > 0 && v.len <= octets;
}

/* The binding that the command asks for. */
static bool read_binding(struct span in, struct key *k)
{
    uint32_t bits = 0, policy = 0, flags = 0;
    *k = (struct key){.life_max_s = 31U * KEY_DAY_S};
    if (!take_number(in, 0x80, 2, &bits) || !take_number(in, 0x81, 1, &policy) || !take_number(in, 0x84, 1, &flags) ||
        !take_number(in, 0x85, 4, &k->rate) || !take_number(in, 0x86, 4, &k->daily_cap) ||
        !take_number(in, 0x87, 4, &k->life_max_s))
        return false;
    k->bits = (uint16_t)bits;
    k->policy = (uint8_t)policy;
    k->flags = (uint8_t)flags;
    take_name(in, 0x82, k->domain, sizeof k->domain, &k->domain_len);
    if (k->domain_len > 0)
        take_name(in, 0x83, k->selector, sizeof k->selector, &k->selector_len);
    return key_is_sound(k);
}

/* Generated here; or imported, when the command has a seed (A0) or primes (A1 e, A2 p, A3 q). */
static enum sw make_key(unsigned index, struct key *k, struct span in)
{
    struct span seed, e, p, q;
    if (key_is_ed25519(k) && tlv_find(in, 0xa0, &seed))
        return seed.len == 32 ? keys_import_ed25519(index, k, seed.data) : SW_WRONG_DATA;
    if (!key_is_ed25519(k) && tlv_find(in, 0xa1, &e) && tlv_find(in, 0xa2, &p) && tlv_find(in, 0xa3, &q))
        return e.len <= 4 ? keys_import_rsa(index, k, (uint32_t)tlv_uint(e), p, q) : SW_WRONG_DATA;
    return keys_generate(index, k);
}

/* OpenSC shows a slot of the OpenPGP application when its fingerprint is not zero, and reads its algorithm. */
static enum sw show_in_openpgp(unsigned index)
{
    const struct key *k = keys_get(index);
    uint8_t hash[CRYPTO_SHA256_LEN];
    enum card_algorithm a = key_is_ed25519(k) ? CARD_ED25519
                            : k->bits == 2048 ? CARD_RSA2048
                            : k->bits == 3072 ? CARD_RSA3072
                                              : CARD_RSA4096;
    if (index >= KEY_OWN)
        return SW_OK;
    crypto_sha256(k->public, key_public_len(k), hash);
    return card_show_key(index, a, hash);
}

static enum sw create(unsigned index, struct span in)
{
    struct key k;
    if (!session.admin)
        return SW_SECURITY;
    if (index >= KEYS)
        return SW_NOT_FOUND;
    if (keys_get(index) != NULL)
        return SW_EXISTS;
    if (!read_binding(in, &k))
        return SW_WRONG_DATA;
    if ((k.flags & KEY_MAY_LEAVE) != 0) { /* for which domain is chosen when the key is made */
        if (backup_id() == NULL)
            return SW_CONDITIONS;
        memcpy(k.backup, backup_id(), sizeof k.backup);
    }
    enum sw sw = make_key(index, &k, in);
    if (sw == SW_OK)
        sw = sign_key_event(index, k.generated == KEY_MADE_HERE ? LEDGER_KEY_MADE : LEDGER_KEY_IMPORTED);
    return sw == SW_OK ? show_in_openpgp(index) : sw;
}

static enum sw destroy(unsigned index)
{
    if (!session.admin)
        return SW_SECURITY;
    if (keys_get(index) == NULL)
        return SW_NOT_FOUND;
    enum sw sw = sign_key_delete(index);
    return sw == SW_OK && index < KEY_OWN ? card_set_fingerprint(index, NULL) : sw;
}

/* ---- backup (backup.h) */

static enum sw export_key(unsigned index, struct tlv_out *out)
{
    enum sw sw = backup_export(index, out);
    return sw == SW_OK ? sign_key_event(index, LEDGER_EXPORTED) : sw;
}

static enum sw restore_key(unsigned index, struct span box)
{
    if (index >= KEYS || index < KEY_OWN)
        return SW_NOT_FOUND;
    if (keys_get(index) != NULL)
        return SW_EXISTS;
    enum sw sw = backup_restore(index, box);
    return sw == SW_OK ? sign_key_event(index, LEDGER_RESTORED) : sw;
}

static enum sw backup(const struct apdu *c, struct tlv_out *out)
{
    if (!session.admin)
        return SW_SECURITY;
    switch (c->ins) {
    case 0x50: return backup_new(c->p1, c->p2);
    case 0x52: return backup_share(c->p1, out);
    case 0x54: return backup_join(c->data, out);
    case 0x56: return export_key(index_of(c->p1), out);
    default: return restore_key(index_of(c->p1), c->data);
    }
}

/* ---- what the device vouches for: a statement (tag 7F4E) and its Ed25519 signature (5F37) over all of that object */

static enum sw signed_statement(size_t from, struct tlv_out *out)
{
    uint8_t signature[CRYPTO_ED25519_SIG];
    if (out->overflow)
        return SW_FAULT;
    enum sw sw = device_sign(out->data + from, out->len - from, signature);
    if (sw == SW_OK)
        tlv_put_object(out, 0x5f37, span_of(signature, sizeof signature));
    return sw;
}

/* P1 00: the log's head and number alone; otherwise a key with all it is bound to. */
static enum sw attest(const struct apdu *c, struct tlv_out *out)
{
    unsigned index = index_of(c->p1);
    if (c->data.len != NONCE)
        return SW_WRONG_LENGTH;
    if (c->p1 != 0 && keys_get(index) == NULL)
        return SW_NOT_FOUND;
    size_t statement = tlv_begin(out, 0x7f4e);
    tlv_put_object(out, 0x98, SPAN_LIT("zegel attestation 1"));
    tlv_put_object(out, 0x96, c->data);
    put_number(out, 0x97, c->p1, 1);
    put_state(out);
    if (c->p1 != 0)
        put_key(index, out);
    tlv_end(out, statement);
    return signed_statement(0, out);
}

static enum sw read_log(struct span number, struct tlv_out *out)
{
    uint8_t body[LEDGER_ENTRY_MAX];
    if (number.len != 8)
        return SW_WRONG_LENGTH;
    int len = ledger_read(tlv_uint(number), body);
    if (len < 0)
        return SW_NOT_FOUND;
    tlv_put(out, span_of(body, (size_t)len));
    return SW_OK;
}

static enum sw key_info(unsigned index, struct tlv_out *out)
{
    if (keys_get(index) == NULL)
        return SW_NOT_FOUND;
    put_key(index, out);
    return SW_OK;
}

enum sw zegel_command(const struct apdu *c, struct tlv_out *out)
{
    if (device_terminated())
        return SW_TERMINATED;
    switch (c->ins) {
    case 0x10: return begin(c);
    case 0x12: return update(c->data);
    case 0x14: return finish(c, out);
    case 0x16: return sign_data(index_of(c->p1), c->data, out);
    case 0x20: return session_verify(c);
    case 0x30: return create(index_of(c->p1), c->data);
    case 0x32: return key_info(index_of(c->p1), out);
    case 0x34: return destroy(index_of(c->p1));
    case 0x40: return attest(c, out);
    case 0x42: return read_log(c->data, out);
    case 0x50:
    case 0x52:
    case 0x54:
    case 0x56:
    case 0x58: return backup(c, out);
    case 0xca: return info(out);
    default: return SW_INS;
    }
}
