#include "pkcs11/zegeltoken/applet.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { CLA = 0x80, CLA_CHAIN = 0x90, ENTRY_FIXED = 98 };

/* ---- one command, whatever its length: chained (ISO 7816-4 §5.3.3), its answer whole */

static unsigned sw_of(const uint8_t *response, size_t len)
{
    return (unsigned)(response[len - 2] << 8 | response[len - 1]);
}

/* Extended length, with Le: the answer may be as long as it is. */
static unsigned send_one(const struct applet *a, const uint8_t header[4], struct span data, uint8_t *response, size_t *len)
{
    uint8_t command[4 + 3 + APPLET_COMMAND_MAX + 2];
    size_t n = 4;
    memcpy(command, header, 4);
    command[n++] = 0;
    if (data.len > 0) {
        command[n++] = (uint8_t)(data.len >> 8);
        command[n++] = (uint8_t)data.len;
        memcpy(command + n, data.data, data.len);
        n += data.len;
    }
    command[n++] = 0;
    command[n++] = 0;
    if (!a->send(a->arg, command, n, response, len) || *len < 2)
        return APPLET_LOST;
    unsigned sw = sw_of(response, *len);
    *len -= 2;
    return sw;
}

/* 61xx: the rest by GET RESPONSE. */
static unsigned fetch(const struct applet *a, unsigned sw, uint8_t *response, size_t *len)
{
    static const uint8_t get_response[] = {0x00, 0xc0, 0x00, 0x00, 0x00};
    while ((sw & 0xff00U) == SW_MORE) {
        size_t more = APPLET_RESPONSE_MAX - *len;
        if (more < 258 || !a->send(a->arg, get_response, sizeof get_response, response + *len, &more) || more < 2)
            return APPLET_LOST;
        sw = sw_of(response + *len, more);
        *len += more - 2;
        if (more == 2 && (sw & 0xff00U) == SW_MORE)
            return SW_FAULT; /* would go on for ever */
    }
    return sw;
}

unsigned applet_command(const struct applet *a, uint8_t ins, uint8_t p1, uint8_t p2, struct span data,
                        uint8_t response[APPLET_RESPONSE_MAX], size_t *len)
{
    unsigned sw = SW_OK;
    size_t at = 0;
    do {
        bool more = data.len - at > APPLET_COMMAND_MAX;
        const uint8_t header[4] = {more ? CLA_CHAIN : CLA, ins, p1, p2};
        size_t n = more ? APPLET_COMMAND_MAX : data.len - at;
        *len = APPLET_RESPONSE_MAX;
        sw = send_one(a, header, span_cut(data, at, at + n), response, len);
        at += n;
    } while (at < data.len && sw == SW_OK);
    return fetch(a, sw, response, len);
}

/* A command whose answer is a status word alone. */
static unsigned tell(const struct applet *a, uint8_t ins, uint8_t p1, uint8_t p2, struct span data)
{
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t len;
    return applet_command(a, ins, p1, p2, data, response, &len);
}

unsigned applet_select(const struct applet *a)
{
    static const uint8_t select[] = {0x00, 0xa4, 0x04, 0x00, 0x07, 0xf0, 'Z', 'e', 'g', 'e', 'l', 0x01, 0x00};
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t len = sizeof response;
    if (!a->send(a->arg, select, sizeof select, response, &len) || len < 2)
        return APPLET_LOST;
    unsigned sw = sw_of(response, len);
    len -= 2;
    return fetch(a, sw, response, &len);
}

/* ---- reading what it says: absent or overlong is a fault */

static bool get_octets(struct span in, uint16_t tag, uint8_t *out, size_t len)
{
    struct span v;
    if (!tlv_find(in, tag, &v) || v.len != len)
        return false;
    memcpy(out, v.data, len);
    return true;
}

static bool get_number(struct span in, uint16_t tag, uint64_t *out)
{
    struct span v;
    if (!tlv_find(in, tag, &v) || v.len == 0 || v.len > 8)
        return false;
    *out = tlv_uint(v);
    return true;
}

static bool get_u32(struct span in, uint16_t tag, uint32_t *out)
{
    uint64_t v;
    if (!get_number(in, tag, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

/* Names, versions: printable US-ASCII, or it is not believed. */
static bool copy_text(struct span v, char *out, size_t cap)
{
    if (v.len >= cap)
        return false;
    for (size_t i = 0; i < v.len; i++)
        if (v.data[i] < 0x20 || v.data[i] > 0x7e)
            return false;
    if (v.len > 0)
        memcpy(out, v.data, v.len);
    out[v.len] = '\0';
    return true;
}

static bool get_text(struct span in, uint16_t tag, char *out, size_t cap)
{
    struct span v;
    return tlv_find(in, tag, &v) && copy_text(v, out, cap);
}

static bool read_aid(struct span in, struct applet_info *out)
{
    uint8_t aid[16];
    if (!get_octets(in, 0x4f, aid, sizeof aid))
        return false;
    (void)snprintf(out->serial, sizeof out->serial, "%02x%02x%02x%02x", aid[10], aid[11], aid[12], aid[13]);
    out->development = aid[8] == 0xff && aid[9] == 0xff;
    return true;
}

static bool read_info(struct span in, struct applet_info *out)
{
    struct span keys;
    memset(out, 0, sizeof *out);
    if (!read_aid(in, out) || !tlv_find(in, 0x95, &keys) || keys.len > sizeof out->numbers)
        return false;
    out->count = keys.len;
    if (keys.len > 0)
        memcpy(out->numbers, keys.data, keys.len);
    return get_text(in, 0x5f2f, out->version, sizeof out->version) && get_text(in, 0x5f2e, out->port, sizeof out->port) &&
           get_octets(in, 0x94, out->attestation, sizeof out->attestation) && get_number(in, 0x92, &out->boots) &&
           get_number(in, 0x90, &out->log_number) && get_octets(in, 0x91, out->log_head, sizeof out->log_head);
}

unsigned applet_info(const struct applet *a, struct applet_info *out)
{
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t len;
    unsigned sw = applet_command(a, 0xca, 0, 0, span_of(NULL, 0), response, &len);
    return sw != SW_OK || read_info(span_of(response, len), out) ? sw : SW_FAULT;
}

static bool read_public(struct span in, struct applet_key *out)
{
    struct span v;
    if (!tlv_find(in, 0x8c, &v) || v.len != (out->bits == 0 ? 32 : out->bits / 8))
        return false;
    memcpy(out->public, v.data, v.len);
    out->public_len = v.len;
    return out->bits == 0 || get_u32(in, 0x8d, &out->e);
}

static bool read_key(struct span in, uint8_t number, struct applet_key *out)
{
    uint32_t bits, policy, flags, generated;
    memset(out, 0, sizeof *out);
    if (!get_u32(in, 0x80, &bits) || !get_u32(in, 0x81, &policy) || !get_u32(in, 0x84, &flags) || !get_u32(in, 0x89, &generated))
        return false;
    if ((bits != 0 && bits != 2048 && bits != 3072 && bits != 4096) || policy < APPLET_DKIM_ONLY || policy > APPLET_BLIND)
        return false;
    out->number = number;
    out->bits = bits;
    out->policy = policy;
    out->flags = flags;
    out->generated = generated == 1;
    return get_octets(in, 0x88, out->id, sizeof out->id) && get_text(in, 0x82, out->domain, sizeof out->domain) &&
           get_text(in, 0x83, out->selector, sizeof out->selector) && get_u32(in, 0x85, &out->rate) &&
           get_u32(in, 0x86, &out->daily_cap) && get_u32(in, 0x87, &out->life_max_s) && get_number(in, 0x8a, &out->signatures) &&
           get_number(in, 0x8b, &out->today) && read_public(in, out);
}

unsigned applet_key_info(const struct applet *a, uint8_t number, struct applet_key *out)
{
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t len;
    unsigned sw = applet_command(a, 0x32, number, 0, span_of(NULL, 0), response, &len);
    return sw != SW_OK || read_key(span_of(response, len), number, out) ? sw : SW_FAULT;
}

/* ---- who asks */

unsigned applet_verify(const struct applet *a, uint8_t p2, struct span pin)
{
    uint8_t response[APPLET_RESPONSE_MAX], short_command[5 + 255];
    size_t len = sizeof response;
    if (pin.len > 255)
        return SW_WRONG_LENGTH;
    memcpy(short_command, (const uint8_t[]){CLA, 0x20, 0x00, p2, (uint8_t)pin.len}, 5);
    if (pin.len > 0)
        memcpy(short_command + 5, pin.data, pin.len);
    bool sent = a->send(a->arg, short_command, pin.len == 0 ? 4 : 5 + pin.len, response, &len) && len >= 2;
    OPENSSL_cleanse(short_command, sizeof short_command);
    return sent ? sw_of(response, len) : APPLET_LOST;
}

unsigned applet_forget(const struct applet *a, uint8_t p2)
{
    return tell(a, 0x20, 0xff, p2, span_of(NULL, 0));
}

/* ---- signing */

/* `room`: what the caller has for it is APPLET_SIGNATURE_MAX. */
static unsigned take_signature(unsigned sw, const uint8_t *response, size_t len, uint8_t *signature, size_t *signature_len)
{
    *signature_len = 0;
    if (sw != SW_OK)
        return sw;
    if (len == 0 || len > APPLET_SIGNATURE_MAX)
        return SW_FAULT;
    memcpy(signature, response, len);
    *signature_len = len;
    return sw;
}

unsigned applet_sign_block(const struct applet *a, uint8_t number, struct span block, uint8_t *signature, size_t *len)
{
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t got = 0, at = 0;
    unsigned sw = tell(a, 0x10, number, 0, span_of(NULL, 0));
    for (; sw == SW_OK && block.len - at > APPLET_COMMAND_MAX; at += APPLET_COMMAND_MAX)
        sw = tell(a, 0x12, 0, 0, span_cut(block, at, at + APPLET_COMMAND_MAX));
    if (sw == SW_OK)
        sw = applet_command(a, 0x14, 0, 0, span_cut(block, at, block.len), response, &got);
    return take_signature(sw, response, got, signature, len);
}

unsigned applet_sign(const struct applet *a, uint8_t number, struct span data, uint8_t *signature, size_t *len)
{
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t got = 0;
    unsigned sw = applet_command(a, 0x16, number, 0, data, response, &got);
    return take_signature(sw, response, got, signature, len);
}

/* ---- keys */

static void put_number(struct tlv_out *out, uint16_t tag, uint64_t v, unsigned octets)
{
    size_t begin = tlv_begin(out, tag);
    tlv_put_uint(out, v, octets);
    tlv_end(out, begin);
}

unsigned applet_create(const struct applet *a, const struct applet_key *k)
{
    uint8_t room[APPLET_COMMAND_MAX];
    struct tlv_out out = tlv_out_of(room, sizeof room);
    put_number(&out, 0x80, k->bits, 2);
    put_number(&out, 0x81, k->policy, 1);
    if (k->domain[0] != '\0')
        tlv_put_object(&out, 0x82, span_of(k->domain, strlen(k->domain)));
    if (k->selector[0] != '\0')
        tlv_put_object(&out, 0x83, span_of(k->selector, strlen(k->selector)));
    put_number(&out, 0x84, k->flags, 1);
    put_number(&out, 0x85, k->rate, 4);
    put_number(&out, 0x86, k->daily_cap, 4);
    if (k->life_max_s != 0)
        put_number(&out, 0x87, k->life_max_s, 4);
    return out.overflow ? (unsigned)SW_WRONG_LENGTH : tell(a, 0x30, k->number, 0, span_of(room, out.len));
}

unsigned applet_delete(const struct applet *a, uint8_t number)
{
    return tell(a, 0x34, number, 0, span_of(NULL, 0));
}

/* ---- what the device vouches for */

static bool read_statement(struct span in, struct applet_statement *out)
{
    struct span rest = in;
    struct tlv statement, signature;
    uint32_t number;
    if (!tlv_next(&rest, &statement) || statement.tag != 0x7f4e)
        return false;
    out->len = in.len - rest.len;
    memcpy(out->statement, in.data, out->len);
    if (!tlv_next(&rest, &signature) || signature.tag != 0x5f37 || signature.value.len != sizeof out->signature || rest.len != 0)
        return false;
    memcpy(out->signature, signature.value.data, sizeof out->signature);
    if (!get_octets(statement.value, 0x96, out->nonce, sizeof out->nonce) || !get_u32(statement.value, 0x97, &number) ||
        !get_number(statement.value, 0x90, &out->log_number) ||
        !get_octets(statement.value, 0x91, out->log_head, sizeof out->log_head) || number > 0xff)
        return false;
    return number == 0 || read_key(statement.value, (uint8_t)number, &out->key);
}

unsigned applet_attest(const struct applet *a, uint8_t number, const uint8_t nonce[APPLET_NONCE], struct applet_statement *out)
{
    uint8_t response[APPLET_RESPONSE_MAX];
    size_t len;
    memset(out, 0, sizeof *out);
    unsigned sw = applet_command(a, 0x40, number, 0, span_of(nonce, APPLET_NONCE), response, &len);
    if (sw != SW_OK)
        return sw;
    bool ours =
        read_statement(span_of(response, len), out) && memcmp(out->nonce, nonce, APPLET_NONCE) == 0 && out->key.number == number;
    return ours ? sw : SW_FAULT;
}

static bool read_entry(struct span in, struct applet_entry *out)
{
    const uint8_t *p = in.data;
    if (in.len < ENTRY_FIXED + 2)
        return false;
    memcpy(out->before, p, APPLET_HASH);
    out->number = tlv_uint(span_cut(in, 32, 40));
    out->slot = p[40];
    memcpy(out->id, p + 41, APPLET_ID);
    out->signatures = tlv_uint(span_cut(in, 49, 57));
    out->verdict = p[65];
    memcpy(out->hash, p + 66, APPLET_HASH);
    size_t domain_len = p[ENTRY_FIXED];
    if (in.len < ENTRY_FIXED + 2 + domain_len)
        return false;
    size_t selector_at = ENTRY_FIXED + 1 + domain_len, selector_len = p[selector_at];
    return in.len == selector_at + 1 + selector_len &&
           copy_text(span_cut(in, ENTRY_FIXED + 1, selector_at), out->domain, sizeof out->domain) &&
           copy_text(span_cut(in, selector_at + 1, in.len), out->selector, sizeof out->selector) &&
           EVP_Digest(in.data, in.len, out->after, NULL, EVP_sha256(), NULL) == 1;
}

unsigned applet_read_log(const struct applet *a, uint64_t number, struct applet_entry *out)
{
    uint8_t response[APPLET_RESPONSE_MAX], wanted[8];
    size_t len;
    for (unsigned i = 0; i < 8; i++)
        wanted[i] = (uint8_t)(number >> (8 * (7 - i)));
    unsigned sw = applet_command(a, 0x42, 0, 0, span_of(wanted, sizeof wanted), response, &len);
    return sw != SW_OK || (read_entry(span_of(response, len), out) && out->number == number) ? sw : SW_FAULT;
}

/* ---- */

const char *applet_sw_text(unsigned sw)
{
    switch (sw) {
    case APPLET_LOST: return "the token did not answer";
    case SW_OK: return "done";
    case SW_TERMINATED: return "the token was terminated; it needs ACTIVATE FILE first";
    case SW_MEMORY_FAILURE: return "the token's memory failed";
    case SW_SECURITY: return "a PIN must be verified first";
    case SW_BLOCKED: return "the PIN is blocked";
    case SW_CONDITIONS: return "the token never does this with that key, or not now";
    case SW_WRONG_DATA: return "the token does not accept what it was given";
    case SW_NOT_SUPPORTED: return "the token does not support that";
    case SW_NOT_FOUND: return "the token has no such key or entry";
    case SW_EXISTS: return "the token has a key of that number already";
    case SW_NO_SPACE: return "the token is full";
    case SW_FAULT: return "a computation in the token did not verify, or its answer makes no sense";
    default: break;
    }
    if ((sw & 0xfff0U) == SW_TRIES)
        return "wrong PIN";
    const char *why = (sw & 0xff00U) == SW_DKIM_REFUSED && sw != SW_DKIM_REFUSED ? reason_text((enum reason)(sw & 0xff)) : NULL;
    return why != NULL ? why : "the token refuses";
}
