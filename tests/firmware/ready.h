/* ready: a token that has been made ready, for fuzzing: keys of each kind and policy, some signatures in its log. Made once; each
 * run begins with the same store, and with whom the run says is verified (a PIN takes too long). */
#ifndef ZEGEL_TEST_READY_H
#define ZEGEL_TEST_READY_H

#include "core/keys.h"
#include "core/ledger.h"
#include "core/session.h"
#include "core/sign.h"
#include "crypto.h"
#include "firmware/hal_ram.h"
#include "token.h"

#define READY_BLOCK                                                                                                              \
    "from:a@example.nl\r\ndkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.nl; s=s1; t=1700000000; "           \
    "h=From:From; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b="

/* SIG: RSA-2048, blind. AUT: a ticket key. 10: dkim-only, with limits. 11: dkim-only, RSA. 12: blind. */
static inline bool ready_make_key(unsigned index, uint16_t bits, uint8_t policy)
{
    static const uint8_t seed[32] = {1};
    struct key k = {.policy = policy, .bits = bits, .life_max_s = 86400, .domain_len = 10, .selector_len = 2};
    uint8_t hash[LEDGER_HASH] = {0};
    memcpy(k.domain, "example.nl", 10);
    memcpy(k.selector, "s1", 2);
    if (index == KEY_OWN)
        k.rate = 600, k.daily_cap = 100;
    enum sw sw = bits != 0 ? keys_generate(index, &k) : keys_import_ed25519(index, &k, seed);
    return sw == SW_OK && ledger_append(index, LEDGER_KEY_MADE, hash) == 0;
}

static inline bool ready_make(void)
{
    uint8_t room[512];
    struct tlv_out out = tlv_out_of(room, sizeof room);
    hal_ram_reset();
    if (crypto_init() != CRYPTO_OK || token_boot() != 0)
        return false;
    return ready_make_key(KEY_SIG, 2048, KEY_BLIND) && ready_make_key(KEY_AUT, 0, KEY_TICKET) &&
           ready_make_key(KEY_OWN, 0, KEY_DKIM_ONLY) && ready_make_key(KEY_OWN + 1, 2048, KEY_DKIM_ONLY) &&
           ready_make_key(KEY_OWN + 2, 0, KEY_BLIND) && sign_block(KEY_OWN, SPAN_LIT(READY_BLOCK), &out) == SW_OK;
}

/* The ready token, freshly booted. `who`: bit 0 the own application is selected, otherwise OpenPGP; 1 and 2 PW1, 3 PW3. */
static inline void ready_start(uint8_t who)
{
    static bool made;
    uint8_t atr[TOKEN_ATR_MAX], out[TOKEN_RESPONSE_MAX];
    static const uint8_t own[] = {0, 0xa4, 4, 0, 7, 0xf0, 'Z', 'e', 'g', 'e', 'l', 1},
                         pgp[] = {0, 0xa4, 4, 0, 6, 0xd2, 0x76, 0, 1, 0x24, 1};
    if (!made) {
        made = ready_make();
        if (!made)
            __builtin_trap();
        hal_ram_keep();
    }
    hal_ram_again();
    if (token_boot() != 0)
        __builtin_trap();
    (void)token_reset(atr);
    (void)token_apdu((who & 1) != 0 ? own : pgp, (who & 1) != 0 ? sizeof own : sizeof pgp, out);
    session.user_sign = (who & 2) != 0;
    session.user_other = (who & 4) != 0;
    session.admin = (who & 8) != 0;
}

#endif
