/* token: the core's face to a port: boot, answer to reset, and one command at a time: chaining, SELECT, GET RESPONSE. */
#include "token.h"

#include "core/backup.h"
#include "core/card.h"
#include "core/device.h"
#include "core/ledger.h"
#include "core/session.h"
#include "hal.h"

enum { CHAIN_MAX = 4096, INS_SELECT = 0xa4, INS_GET_RESPONSE = 0xc0 };

/* ISO 7816-3: T=1, and the historical octets of an OpenPGP card: command chaining. Extended length is understood but not
 * announced: OpenSC 0.23 then asks for 256 octets of a new key, which has more, and never for the rest. */
static const uint8_t atr_without_check[] = {0x3b, 0xda, 0x18, 0xff, 0x81, 0xb1, 0xfe, 0x75, 0x1f, 0x03,
                                            0x00, 0x31, 0xf5, 0x73, 0xc0, 0x01, 0x80, 0x05, 0x90, 0x00};

static struct {
    uint8_t header[4]; /* of the chain under way */
    uint8_t data[CHAIN_MAX];
    size_t len;
    bool open;
} chain;

static struct {
    uint8_t data[TOKEN_RESPONSE_MAX];
    size_t len, sent;
} response;

int token_boot(void)
{
    bool fresh;
    if (vault_open(&fresh) != 0)
        return -1;
    if (fresh && (pin_reset_all() != 0 || ledger_format() != 0 || card_format() != 0 || device_format() != 0))
        return -1;
    if (device_open() != 0 || pin_open() != 0 || card_open() != 0 || keys_open() != 0 || backup_open() != 0 || ledger_open() != 0)
        return -1;
    hal_log(fresh ? "token: new store" : "token: store opened");
    return 0;
}

static void forget_all(void)
{
    session_forget();
    session.app = APP_NONE;
    zegel_forget();
    backup_forget();
    chain.open = false;
    crypto_wipe(chain.data, sizeof chain.data);
    response.len = response.sent = 0;
}

size_t token_reset(uint8_t atr[TOKEN_ATR_MAX])
{
    uint8_t check = 0;
    forget_all();
    memcpy(atr, atr_without_check, sizeof atr_without_check);
    for (size_t i = 1; i < sizeof atr_without_check; i++)
        check ^= atr_without_check[i];
    atr[sizeof atr_without_check] = check;
    return sizeof atr_without_check + 1;
}

void token_idle(void)
{
}

/* By AID, or by the front of one. Who was verified is forgotten; tickets are not. A SELECT that finds nothing changes nothing
 * (ISO 7816-4 §11.1.1): OpenSC tries a dozen foreign AIDs when it begins, while another process is in the middle of its work. */
static enum sw select_app(const struct apdu *c, struct tlv_out *out)
{
    size_t pgp = c->data.len < sizeof openpgp_aid_prefix ? c->data.len : sizeof openpgp_aid_prefix;
    if (c->p1 != 4 || (c->p2 & 0xf3) != 0)
        return c->p1 == 0 ? SW_FILE_NOT_FOUND : SW_WRONG_P1P2;
    bool is_openpgp =
        c->data.len >= 5 && c->data.len <= 16 && span_eq(span_cut(c->data, 0, pgp), span_of(openpgp_aid_prefix, pgp));
    if (!is_openpgp && !span_eq(c->data, span_of(zegel_aid, sizeof zegel_aid)))
        return SW_FILE_NOT_FOUND;
    session_forget();
    zegel_forget();
    session.app = is_openpgp ? APP_OPENPGP : APP_ZEGEL;
    return is_openpgp ? openpgp_select(out) : zegel_select(out);
}

static enum sw dispatch(const struct apdu *c, struct tlv_out *out)
{
    if (c->ins == INS_SELECT && c->cla == 0)
        return select_app(c, out);
    switch (session.app) {
    case APP_OPENPGP: return openpgp_command(c, out);
    case APP_ZEGEL: return zegel_command(c, out);
    case APP_NONE: break;
    }
    return SW_CONDITIONS;
}

/* ---- command chaining (ISO 7816-4 §5.3.3). 1: more is expected, answered with 9000. */
static int take_chain(struct apdu *c, enum sw *sw)
{
    uint8_t header[4] = {(uint8_t)(c->cla & ~APDU_CLA_CHAIN), c->ins, c->p1, c->p2};
    bool more = (c->cla & APDU_CLA_CHAIN) != 0;
    *sw = SW_OK;
    if (!chain.open && !more)
        return 0;
    if (chain.open && memcmp(chain.header, header, sizeof header) != 0) {
        chain.open = false; /* another command ends the chain; a lone one is served */
        *sw = more ? SW_CHAIN_LAST_EXPECTED : SW_OK;
        return more;
    }
    if (!chain.open)
        chain.len = 0;
    chain.open = more;
    memcpy(chain.header, header, sizeof header);
    if (c->data.len > CHAIN_MAX - chain.len) {
        chain.open = false;
        *sw = SW_WRONG_LENGTH;
        return 1;
    }
    memcpy(chain.data + chain.len, c->data.data, c->data.len);
    chain.len += c->data.len;
    c->cla = header[0];
    c->data = span_of(chain.data, chain.len);
    return more;
}

/* ---- the response: as much as Le allows, the rest by GET RESPONSE */
static size_t answer(uint32_t le, enum sw sw, uint8_t out[TOKEN_RESPONSE_MAX])
{
    size_t left = response.len - response.sent, most = le == 0 ? 256 : le, n = left < most ? left : most;
    if (n > TOKEN_RESPONSE_MAX - 2)
        n = TOKEN_RESPONSE_MAX - 2;
    memcpy(out, response.data + response.sent, n);
    crypto_wipe(response.data + response.sent, n);
    response.sent += n;
    left -= n;
    unsigned status = left == 0 ? (unsigned)sw : SW_MORE | (left > 255 ? 0U : (unsigned)left);
    out[n] = (uint8_t)(status >> 8);
    out[n + 1] = (uint8_t)status;
    return n + 2;
}

size_t token_apdu(const uint8_t *in, size_t len, uint8_t out[TOKEN_RESPONSE_MAX])
{
    struct apdu c;
    enum sw sw;
    if (len > TOKEN_COMMAND_MAX || !apdu_parse(span_of(in, len), &c)) {
        response.len = response.sent = 0;
        return answer(0, SW_WRONG_LENGTH, out);
    }
    if (c.ins == INS_GET_RESPONSE && response.sent < response.len)
        return answer(c.le, SW_OK, out);
    response.len = response.sent = 0;
    if ((c.cla & ~APDU_CLA_CHAIN) != 0 && (c.cla & ~APDU_CLA_CHAIN) != 0x80)
        return answer(0, SW_CLA, out);
    if (take_chain(&c, &sw))
        return answer(0, sw, out);
    struct tlv_out o = tlv_out_of(response.data, sizeof response.data - 2);
    sw = dispatch(&c, &o);
    crypto_wipe(chain.data, chain.len);
    if (o.overflow)
        sw = SW_FAULT;
    unsigned kind = (unsigned)sw & 0xff00;
    response.len = (sw == SW_OK || kind == 0x6200) && !o.overflow ? o.len : 0;
    return answer(c.le, sw, out);
}
