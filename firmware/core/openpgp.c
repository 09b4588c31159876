/* The OpenPGP application (card 3.4): what OpenSC and GnuPG expect, of which it signs and nothing else: no decryption. */
#include "core/backup.h"
#include "core/card.h"
#include "core/device.h"
#include "core/keys.h"
#include "core/ledger.h"
#include "core/session.h"
#include "core/sign.h"

enum sw openpgp_select(struct tlv_out *out)
{
    (void)out;
    return device_terminated() ? SW_TERMINATED : SW_OK;
}

/* ---- PINs */

static enum sw change_reference(const struct apdu *c)
{
    if (c->p1 != 0 || (c->p2 != 0x81 && c->p2 != 0x83))
        return SW_WRONG_P1P2;
    if (c->p2 == 0x81)
        session.user_sign = session.user_other = false;
    else
        session.admin = false;
    return pin_change(c->p2 == 0x81 ? PIN_USER : PIN_ADMIN, c->data);
}

static enum sw reset_retry(const struct apdu *c)
{
    if (c->p2 != 0x81 || (c->p1 != 0 && c->p1 != 2))
        return SW_WRONG_P1P2;
    session.user_sign = session.user_other = false;
    if (c->p1 == 0)
        return pin_unblock(c->data);
    return session.admin ? pin_set(PIN_USER, c->data) : SW_SECURITY;
}

/* ---- keys */

/* The slot that a control reference template names (B6 SIG, B8 DEC, A4 AUT), or KEYS. Empty, or with 84 01 xx behind it. */
static unsigned slot_of_crt(struct span crt)
{
    struct tlv t;
    if (!tlv_next(&crt, &t) || (t.value.len != 0 && (t.value.len != 3 || t.value.data[0] != 0x84)))
        return KEYS;
    return t.tag == 0xb6 ? KEY_SIG : t.tag == 0xb8 ? KEY_DEC : t.tag == 0xa4 ? KEY_AUT : KEYS;
}

/* A key that this application makes is bound to nothing. */
static struct key unbound(unsigned slot)
{
    static const uint16_t bits[CARD_ALGORITHMS] = {[CARD_RSA2048] = 2048, [CARD_RSA3072] = 3072, [CARD_RSA4096] = 4096};
    return (struct key){.policy = KEY_BLIND, .bits = bits[card_algorithm(slot)]};
}

static void put_public(const struct key *k, struct tlv_out *out)
{
    size_t begin = tlv_begin(out, 0x7f49);
    uint8_t e[4] = {(uint8_t)(k->e >> 24), (uint8_t)(k->e >> 16), (uint8_t)(k->e >> 8), (uint8_t)k->e};
    tlv_put_object(out, key_is_ed25519(k) ? 0x86 : 0x81, span_of(k->public, key_public_len(k)));
    if (!key_is_ed25519(k))
        tlv_put_object(out, 0x82, e[0] == 0 ? span_of(e + 1, 3) : span_of(e, 4));
    tlv_end(out, begin);
}

/* GENERATE ASYMMETRIC KEY PAIR: P1 80 makes one, 81 reads the public half. */
static enum sw generate(const struct apdu *c, struct tlv_out *out)
{
    unsigned slot = slot_of_crt(c->data);
    if (slot == KEYS || (c->p1 != 0x80 && c->p1 != 0x81) || c->p2 != 0)
        return SW_WRONG_P1P2;
    if (c->p1 == 0x80) {
        struct key k = unbound(slot);
        if (!session.admin)
            return SW_SECURITY;
        if (slot == KEY_DEC)
            return SW_NOT_SUPPORTED;
        enum sw sw = card_set_fingerprint(slot, NULL);
        if (sw == SW_OK)
            sw = keys_generate(slot, &k);
        if (sw == SW_OK)
            sw = sign_key_event(slot, LEDGER_KEY_MADE);
        if (sw != SW_OK)
            return sw;
    }
    if (keys_get(slot) == NULL)
        return SW_NOT_FOUND;
    put_public(keys_get(slot), out);
    return SW_OK;
}

/* The parts of a private key: the template 7F48 has their tags and lengths, 5F48 their values one behind the other. */
static bool key_parts(struct span list, struct span parts[3])
{
    struct span template, values;
    uint16_t tag;
    size_t len, at = 0;
    if (!tlv_find(list, 0x7f48, &template) || !tlv_find(list, 0x5f48, &values))
        return false;
    while (template.len > 0) {
        if (!tlv_next_header(&template, &tag, &len) || len > values.len - at)
            return false;
        if (tag >= 0x91 && tag <= 0x93)
            parts[tag - 0x91] = span_cut(values, at, at + len);
        at += len;
    }
    return at == values.len;
}

static enum sw import(const struct apdu *c)
{
    struct tlv outer;
    struct span list = c->data, parts[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (!session.admin)
        return SW_SECURITY;
    if (c->p1 != 0x3f || c->p2 != 0xff)
        return SW_WRONG_P1P2;
    if (!tlv_next(&list, &outer) || outer.tag != 0x4d || !key_parts(outer.value, parts))
        return SW_WRONG_DATA;
    unsigned slot = slot_of_crt(outer.value);
    if (slot == KEY_DEC || slot == KEYS)
        return SW_NOT_SUPPORTED;
    struct key k = unbound(slot);
    enum sw sw = SW_WRONG_DATA;
    if (key_is_ed25519(&k) && parts[1].len == 32)
        sw = keys_import_ed25519(slot, &k, parts[1].data);
    else if (!key_is_ed25519(&k) && parts[0].len > 0 && parts[0].len <= 4)
        sw = keys_import_rsa(slot, &k, (uint32_t)tlv_uint(parts[0]), parts[1], parts[2]);
    return sw == SW_OK ? sign_key_event(slot, LEDGER_KEY_IMPORTED) : sw;
}

/* ---- signatures */

static enum sw sign(const struct apdu *c, struct tlv_out *out)
{
    if (c->p1 != 0x9e || c->p2 != 0x9a)
        return SW_WRONG_P1P2;
    if (!session.user_sign)
        return SW_SECURITY;
    if (!pin_several())
        session.user_sign = false;
    return sign_given(KEY_SIG, c->data, out);
}

static enum sw authenticate(const struct apdu *c, struct tlv_out *out)
{
    if (c->p1 != 0 || c->p2 != 0)
        return SW_WRONG_P1P2;
    return session.user_other ? sign_given(KEY_AUT, c->data, out) : SW_SECURITY;
}

static enum sw challenge(const struct apdu *c, struct tlv_out *out)
{
    uint8_t random[256];
    if (c->le == 0 || c->le > sizeof random)
        return SW_WRONG_LENGTH;
    crypto_random(random, c->le);
    tlv_put(out, span_of(random, c->le));
    return SW_OK;
}

/* ---- end and new beginning */

static enum sw terminate(void)
{
    if (!session.admin && (pin_tries(PIN_USER) != 0 || pin_tries(PIN_ADMIN) != 0))
        return SW_CONDITIONS;
    session_forget();
    return device_set_terminated(true);
}

/* Factory settings. Ledger and attestation key stay: counters never fall. Terminated until all is done, so that power that fails
 * between leaves something that must be activated again. */
static enum sw activate(void)
{
    enum sw sw = SW_OK;
    if (!device_terminated())
        return SW_OK;
    for (unsigned i = 0; i < KEYS && sw == SW_OK; i++)
        if (keys_get(i) != NULL)
            sw = keys_delete(i);
    if (sw == SW_OK && (backup_delete() != 0 || pin_reset_all() != 0 || card_format() != 0))
        sw = SW_MEMORY_FAILURE;
    sign_forget();
    if (sw == SW_OK)
        sw = sign_key_event(KEY_SIG, LEDGER_RESET);
    return sw == SW_OK ? device_set_terminated(false) : sw;
}

static enum sw command(const struct apdu *c, struct tlv_out *out)
{
    uint16_t tag = (uint16_t)(c->p1 << 8 | c->p2);
    switch (c->ins) {
    case 0x20: return session_verify(c);
    case 0x24: return change_reference(c);
    case 0x2a: return sign(c, out);
    case 0x2c: return reset_retry(c);
    case 0x47: return generate(c, out);
    case 0x84: return challenge(c, out);
    case 0x88: return authenticate(c, out);
    case 0xa5: return SW_OK; /* SELECT DATA: there is one of each */
    case 0xca: return card_get(tag, out);
    case 0xcc: return SW_NOT_FOUND;
    case 0xda: return card_put(tag, c->data);
    case 0xdb: return import(c);
    case 0xe6: return terminate();
    default: return SW_INS;
    }
}

enum sw openpgp_command(const struct apdu *c, struct tlv_out *out)
{
    if (c->cla != 0)
        return SW_CLA;
    if (c->ins == 0x44)
        return activate();
    return device_terminated() ? SW_TERMINATED : command(c, out);
}
