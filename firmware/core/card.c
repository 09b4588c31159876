#include "core/card.h"

#include "core/keys.h"
#include "core/ledger.h"
#include "core/session.h"
#include "core/sign.h"
#include "hal.h"

/* Fixed layout: the object VAULT_CARD. Texts have their length in front. */
static struct {
    uint8_t name[1 + 39], language[1 + 8], sex[1 + 1], login[1 + 254], url[1 + 254], private[4][1 + 254], kdf[1 + 110];
    uint8_t fingerprints[3][20], ca_fingerprints[3][20], times[3][4];
    uint8_t algorithms[3];
} card;
_Static_assert(sizeof card <= VAULT_CARD_MAX, "the card's data fit into their object");

const uint8_t openpgp_aid_prefix[6] = {0xd2, 0x76, 0x00, 0x01, 0x24, 0x01};

static const struct span attributes[CARD_ALGORITHMS] = {
    [CARD_RSA2048] = {(const uint8_t *)"\x01\x08\x00\x00\x20\x00", 6},
    [CARD_RSA3072] = {(const uint8_t *)"\x01\x0c\x00\x00\x20\x00", 6},
    [CARD_RSA4096] = {(const uint8_t *)"\x01\x10\x00\x00\x20\x00", 6},
    [CARD_ED25519] = {(const uint8_t *)"\x16\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", 10},
};

static enum sw save(void)
{
    return vault_put(VAULT_CARD, &card, sizeof card) == 0 ? SW_OK : SW_MEMORY_FAILURE;
}

int card_open(void)
{
    return vault_get(VAULT_CARD, &card, sizeof card) == (int)sizeof card ? 0 : -1;
}

int card_format(void)
{
    memset(&card, 0, sizeof card);
    card.sex[0] = 1;
    card.sex[1] = '9';
    memcpy(card.kdf, "\x03\x81\x01\x00", 4); /* PINs come as they are typed */
    return save() == SW_OK ? 0 : -1;
}

enum card_algorithm card_algorithm(unsigned slot)
{
    return (enum card_algorithm)card.algorithms[slot];
}

enum sw card_set_fingerprint(unsigned slot, const uint8_t fingerprint[20])
{
    memset(card.fingerprints[slot], 0, 20);
    memset(card.times[slot], 0, 4);
    if (fingerprint != NULL)
        memcpy(card.fingerprints[slot], fingerprint, 20);
    return save();
}

enum sw card_show_key(unsigned slot, enum card_algorithm a, const uint8_t hash[32])
{
    card.algorithms[slot] = (uint8_t)a;
    return card_set_fingerprint(slot, hash);
}

/* FFFF is the manufacturer of test cards: no key of a token with a seed for development is secret. */
void card_aid(struct tlv_out *out)
{
    tlv_put(out, span_of(openpgp_aid_prefix, sizeof openpgp_aid_prefix));
    tlv_put_uint(out, 0x0304, 2);
    tlv_put_uint(out, hal_dev_seed() ? 0xffff : 0xff5a, 2);
    tlv_put_uint(out, hal_serial(), 4);
    tlv_put_uint(out, 0, 2);
}

/* ---- what is kept as it came */

enum access { ANYONE, USER, ADMIN };

struct text {
    uint16_t tag;
    uint8_t *len_and_value;
    size_t max;
    enum access read, write;
};

static const struct text texts[] = {
    {0x005b, card.name, 39, ANYONE, ADMIN},       {0x5f2d, card.language, 8, ANYONE, ADMIN},
    {0x5f35, card.sex, 1, ANYONE, ADMIN},         {0x005e, card.login, 254, ANYONE, ADMIN},
    {0x5f50, card.url, 254, ANYONE, ADMIN},       {0x00f9, card.kdf, 110, ANYONE, ADMIN},
    {0x0101, card.private[0], 254, ANYONE, USER}, {0x0102, card.private[1], 254, ANYONE, ADMIN},
    {0x0103, card.private[2], 254, USER, USER},   {0x0104, card.private[3], 254, ADMIN, ADMIN},
};

static const struct text *text_of(uint16_t tag)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].tag == tag)
            return &texts[i];
    return NULL;
}

static struct span value_of(const uint8_t *len_and_value)
{
    return span_of(len_and_value + 1, len_and_value[0]);
}

static bool may(enum access a)
{
    return a == ANYONE || (a == USER && session.user_other) || (a == ADMIN && session.admin);
}

/* ---- what is made when it is asked for */

static void put_historical(struct tlv_out *out)
{
    tlv_put(out, span_of("\x00\x31\xf5\x73\xc0\x01\x80\x05\x90\x00", 10));
}

/* C0: challenges, import, changeable PW status, private objects, changeable algorithms, KDF; no certificates. */
static void put_capabilities(struct tlv_out *out)
{
    tlv_put_object(out, 0xc0, span_of("\x7d\x00\x01\x00\x00\x00\x00\xfe\x00\x00", 10));
}

static void put_pw_status(struct tlv_out *out)
{
    uint8_t status[7] = {pin_several(), PIN_MAX, PIN_MAX, PIN_MAX};
    for (int i = 0; i < PINS; i++)
        status[4 + i] = (uint8_t)pin_tries((enum pin)i);
    tlv_put(out, span_of(status, sizeof status));
}

static void put_key_status(struct tlv_out *out)
{
    for (unsigned slot = 0; slot < 3; slot++) {
        const struct key *k = keys_get(slot);
        tlv_put_u8(out, (uint8_t)(slot + 1));
        tlv_put_u8(out, k == NULL ? 0 : k->generated ? 1 : 2);
    }
}

static void put_discretionary(struct tlv_out *out)
{
    size_t begin = tlv_begin(out, 0x73), status;
    put_capabilities(out);
    for (unsigned slot = 0; slot < 3; slot++)
        tlv_put_object(out, (uint16_t)(0xc1 + slot), attributes[card.algorithms[slot]]);
    status = tlv_begin(out, 0xc4);
    put_pw_status(out);
    tlv_end(out, status);
    tlv_put_object(out, 0xc5, span_of(card.fingerprints, sizeof card.fingerprints));
    tlv_put_object(out, 0xc6, span_of(card.ca_fingerprints, sizeof card.ca_fingerprints));
    tlv_put_object(out, 0xcd, span_of(card.times, sizeof card.times));
    status = tlv_begin(out, 0xde);
    put_key_status(out);
    tlv_end(out, status);
    tlv_end(out, begin);
}

/* 7F66: 4,096 octets each way. */
static const struct span extended_length = {(const uint8_t *)"\x02\x02\x10\x00\x02\x02\x10\x00", 8};

/* 6E: all about the application. */
static void put_application(struct tlv_out *out)
{
    size_t begin = tlv_begin(out, 0x4f);
    card_aid(out);
    tlv_end(out, begin);
    begin = tlv_begin(out, 0x5f52);
    put_historical(out);
    tlv_end(out, begin);
    tlv_put_object(out, 0x7f66, extended_length);
    put_discretionary(out);
}

static void put_cardholder(struct tlv_out *out)
{
    tlv_put_object(out, 0x5b, value_of(card.name));
    tlv_put_object(out, 0x5f2d, value_of(card.language));
    tlv_put_object(out, 0x5f35, value_of(card.sex));
}

/* 93: three octets of how often this key signed; it stays at its end. The ledger counts in 64 bits. */
static void put_counter(struct tlv_out *out)
{
    const struct ledger_counter *c = ledger_counter(KEY_SIG);
    uint64_t n = c->signatures - c->since;
    size_t begin = tlv_begin(out, 0x93);
    tlv_put_uint(out, n > 0xffffff ? 0xffffff : n, 3);
    tlv_end(out, begin);
}

/* FA: what each slot can be. */
static void put_algorithms(struct tlv_out *out)
{
    for (unsigned slot = 0; slot < 3; slot += 2)
        for (unsigned a = 0; a < CARD_ALGORITHMS; a++)
            tlv_put_object(out, (uint16_t)(0xc1 + slot), attributes[a]);
}

enum sw card_get(uint16_t tag, struct tlv_out *out)
{
    const struct text *t = text_of(tag);
    if (t != NULL) {
        if (!may(t->read))
            return SW_SECURITY;
        tlv_put(out, value_of(t->len_and_value));
        return SW_OK;
    }
    switch (tag) {
    case 0x004f: card_aid(out); break;
    case 0x5f52: put_historical(out); break;
    case 0x006e: put_application(out); break;
    case 0x0065: put_cardholder(out); break;
    case 0x0073: put_discretionary(out); break;
    case 0x007a: put_counter(out); break;
    case 0x00c4: put_pw_status(out); break;
    case 0x00de: put_key_status(out); break;
    case 0x00fa: put_algorithms(out); break;
    case 0x00c5: tlv_put(out, span_of(card.fingerprints, sizeof card.fingerprints)); break;
    case 0x00c6: tlv_put(out, span_of(card.ca_fingerprints, sizeof card.ca_fingerprints)); break;
    case 0x00cd: tlv_put(out, span_of(card.times, sizeof card.times)); break;
    case 0x00c1:
    case 0x00c2:
    case 0x00c3: tlv_put(out, attributes[card.algorithms[tag - 0xc1]]); break;
    case 0x7f66: tlv_put(out, extended_length); break;
    case 0x7f21: break; /* no certificate */
    default: return SW_NOT_FOUND;
    }
    return SW_OK;
}

/* ---- PUT DATA */

/* Another algorithm: the key of the old one goes. */
static enum sw put_algorithm(unsigned slot, struct span value)
{
    for (unsigned a = 0; a < CARD_ALGORITHMS; a++) {
        if (!span_eq(value, attributes[a]) &&
            !(a == CARD_ED25519 && value.len == 11 && value.data[10] == 0xff && span_eq(span_cut(value, 0, 10), attributes[a])))
            continue;
        if (card.algorithms[slot] == a)
            return SW_OK;
        enum sw sw = keys_get(slot) == NULL ? SW_OK : sign_key_delete(slot);
        if (sw != SW_OK)
            return sw;
        card.algorithms[slot] = (uint8_t)a;
        return card_set_fingerprint(slot, NULL);
    }
    return SW_WRONG_DATA;
}

static enum sw put_fixed(uint8_t *at, size_t len, struct span value)
{
    if (value.len != len)
        return SW_WRONG_LENGTH;
    memcpy(at, value.data, len);
    return save();
}

static enum sw put_text(const struct text *t, struct span value)
{
    if (!may(t->write))
        return SW_SECURITY;
    if (value.len > t->max)
        return SW_WRONG_LENGTH;
    t->len_and_value[0] = (uint8_t)value.len;
    if (value.len > 0)
        memcpy(t->len_and_value + 1, value.data, value.len);
    return save();
}

/* F9 with hashes of first PINs (87, 88): from now on hosts send hashes, so these become the PINs. The reset code is gone. */
static enum sw put_kdf(struct span value)
{
    struct span user, admin;
    enum sw sw = put_text(text_of(0x00f9), value);
    if (sw != SW_OK || !tlv_find(value, 0x87, &user) || !tlv_find(value, 0x88, &admin))
        return sw;
    sw = pin_set(PIN_RESET_CODE, span_of(NULL, 0));
    if (sw == SW_OK)
        sw = pin_set(PIN_USER, user);
    return sw == SW_OK ? pin_set(PIN_ADMIN, admin) : sw;
}

enum sw card_put(uint16_t tag, struct span value)
{
    if (tag == 0x00f9)
        return put_kdf(value);
    if (text_of(tag) != NULL)
        return put_text(text_of(tag), value);
    if (!session.admin)
        return SW_SECURITY;
    switch (tag) {
    case 0x00c1:
    case 0x00c2:
    case 0x00c3: return put_algorithm(tag - 0xc1U, value);
    case 0x00c4: return value.len != 1 || value.data[0] > 1 ? SW_WRONG_DATA : pin_set_several(value.data[0] == 1);
    case 0x00c7:
    case 0x00c8:
    case 0x00c9: return put_fixed(card.fingerprints[tag - 0xc7], 20, value);
    case 0x00ca:
    case 0x00cb:
    case 0x00cc: return put_fixed(card.ca_fingerprints[tag - 0xca], 20, value);
    case 0x00ce:
    case 0x00cf:
    case 0x00d0: return put_fixed(card.times[tag - 0xce], 4, value);
    case 0x00d3: return pin_set(PIN_RESET_CODE, value);
    default: return SW_NOT_FOUND;
    }
}
