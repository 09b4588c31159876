#include "core/pin.h"

#include "core/vault.h"
#include "crypto.h"

enum { ROUNDS = 2048 };

static struct {
    struct {
        uint8_t salt[16], hash[32];
        uint8_t len, tries; /* len 0: not set */
    } pins[PINS];
    uint8_t several;
} state;

int pin_open(void)
{
    return vault_get(VAULT_PINS, &state, sizeof state) == (int)sizeof state ? 0 : -1;
}

static enum sw save(void)
{
    return vault_put(VAULT_PINS, &state, sizeof state) == 0 ? SW_OK : SW_MEMORY_FAILURE;
}

/* PBKDF2 (RFC 8018 §5.2) with one block of HMAC-SHA-256, over the value keyed with the device's secret. */
static void stretch(enum pin p, struct span value, uint8_t out[32])
{
    uint8_t key[32], u[32], first[16 + 4] = {0};
    vault_derive("zegel pin", key);
    crypto_hmac(key, sizeof key, value.data, value.len, key);
    memcpy(first, state.pins[p].salt, 16);
    first[19] = 1;
    crypto_hmac(key, sizeof key, first, sizeof first, u);
    memcpy(out, u, 32);
    for (int i = 1; i < ROUNDS; i++) {
        crypto_hmac(key, sizeof key, u, sizeof u, u);
        for (int k = 0; k < 32; k++)
            out[k] ^= u[k];
    }
    crypto_wipe(key, sizeof key);
    crypto_wipe(u, sizeof u);
}

static void assign(enum pin p, struct span value)
{
    crypto_random(state.pins[p].salt, sizeof state.pins[p].salt);
    stretch(p, value, state.pins[p].hash);
    state.pins[p].len = (uint8_t)value.len;
    state.pins[p].tries = PIN_TRIES;
}

int pin_reset_all(void)
{
    memset(&state, 0, sizeof state);
    assign(PIN_USER, SPAN_LIT("123456"));
    assign(PIN_ADMIN, SPAN_LIT("12345678"));
    state.several = 1;
    return save() == SW_OK ? 0 : -1;
}

unsigned pin_tries(enum pin p)
{
    return state.pins[p].len == 0 ? 0 : state.pins[p].tries;
}

enum sw pin_verify(enum pin p, struct span value)
{
    uint8_t hash[32];
    if (pin_tries(p) == 0)
        return SW_BLOCKED;
    state.pins[p].tries--;
    if (save() != SW_OK)
        return SW_MEMORY_FAILURE;
    stretch(p, value, hash);
    bool good = crypto_equal(hash, state.pins[p].hash, sizeof hash) && value.len == state.pins[p].len;
    crypto_wipe(hash, sizeof hash);
    if (!good)
        return state.pins[p].tries == 0 ? SW_BLOCKED : (enum sw)(SW_TRIES | state.pins[p].tries);
    state.pins[p].tries = PIN_TRIES;
    return save();
}

enum sw pin_set(enum pin p, struct span value)
{
    size_t least = p == PIN_USER ? PIN_USER_MIN : PIN_ADMIN_MIN;
    if (p == PIN_RESET_CODE && value.len == 0) {
        memset(&state.pins[p], 0, sizeof state.pins[p]);
        return save();
    }
    if (value.len < least || value.len > PIN_MAX)
        return SW_WRONG_DATA;
    assign(p, value);
    return save();
}

enum sw pin_change(enum pin p, struct span both)
{
    size_t old = state.pins[p].len;
    enum sw sw = pin_verify(p, span_cut(both, 0, old));
    return sw == SW_OK ? pin_set(p, span_cut(both, old, both.len)) : sw;
}

enum sw pin_unblock(struct span both)
{
    size_t old = state.pins[PIN_RESET_CODE].len;
    enum sw sw = pin_verify(PIN_RESET_CODE, span_cut(both, 0, old));
    return sw == SW_OK ? pin_set(PIN_USER, span_cut(both, old, both.len)) : sw;
}

bool pin_several(void)
{
    return state.several != 0;
}

enum sw pin_set_several(bool several)
{
    state.several = several;
    return save();
}
