/* card: a test's hand at the token: commands written as hex, and what comes back. */
#ifndef ZEGEL_TEST_CARD_H
#define ZEGEL_TEST_CARD_H

#include <ctype.h>
#include <stdio.h>

#include "core/apdu.h"
#include "core/sw.h"
#include "crypto.h"
#include "firmware/hal_ram.h"
#include "token.h"
#include "unit/unit.h"

#define SELECT_PGP "00a4040006d27600012401"
#define SELECT_ZEGEL "00a4040007f05a6567656c01"
#define VERIFY_SIGN "0020008106313233343536"
#define VERIFY_USER "0020008206313233343536"
#define VERIFY_ADMIN "00200083083132333435363738"
#define WRONG_USER "0020008206303030303030"

/* The last response without its status word. */
static uint8_t reply[TOKEN_RESPONSE_MAX];
static size_t reply_len;

static unsigned send(const uint8_t *in, size_t len)
{
    size_t n = token_apdu(in, len, reply);
    ck_assert_uint_ge(n, 2);
    reply_len = n - 2;
    return (unsigned)(reply[n - 2] << 8 | reply[n - 1]);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += hex[0] == ' ' ? 1 : 2)
        if (hex[0] != ' ')
            out[len++] = (uint8_t)strtoul((const char[]){hex[0], hex[1], '\0'}, NULL, 16);
    return len;
}

/* The status word that a command in hex gets. */
static unsigned apdu(const char *hex)
{
    static uint8_t in[TOKEN_COMMAND_MAX + 8];
    return send(in, from_hex(hex, in));
}

/* Header and data, extended length, with Le 0. */
static unsigned command(uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, const void *data, size_t len)
{
    static uint8_t in[TOKEN_COMMAND_MAX + 16];
    size_t at = 0;
    const uint8_t header[] = {cla, ins, p1, p2, 0, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(in, header, sizeof header);
    at = len == 0 ? 5 : sizeof header;
    if (len > 0)
        memcpy(in + at, data, len);
    at += len;
    in[at++] = 0;
    in[at++] = 0;
    return send(in, at);
}

/* Power on: what is in the store is found, nothing else. */
static void boot(void)
{
    uint8_t atr[TOKEN_ATR_MAX];
    ck_assert_int_eq(token_boot(), 0);
    ck_assert_uint_gt(token_reset(atr), 2);
}

/* A new token. */
static void fresh(void)
{
    hal_ram_reset();
    ck_assert_int_eq(crypto_init(), CRYPTO_OK);
    boot();
}

#define OK(hex) ck_assert_uint_eq(apdu(hex), 0x9000)
#define GIVES(hex, sw) ck_assert_uint_eq(apdu(hex), (sw))

#endif
