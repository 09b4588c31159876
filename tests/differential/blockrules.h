/* blockrules: the host's block rules (signer/blockcheck) and the token's (firmware/core/block), which share no code, over the
 * same octets. What only one of them refuses has to be on a list here, with the reason why. */
#ifndef ZEGEL_TEST_BLOCKRULES_H
#define ZEGEL_TEST_BLOCKRULES_H

#include "core/block.h"
#include "signer/blockcheck.h"

enum { BLOCKRULES_NOW = 1700003600, BLOCKRULES_LIFE_S = 86400 };

/* The token's alone. Of the first group mail is that people may send: it gets a 451 with the token's reason. */
static bool token_alone(enum reason r)
{
    switch ((int)r) {
    case REASON_H_SINGLETON:  /* two of what RFC 5322 §3.6 has once */
    case REASON_FROM_UTF8:    /* From with 8-bit that is no UTF-8 */
    case REASON_FROM_SPECIAL: /* From with 8-bit in the address (SMTPUTF8) */
    case REASON_FROM_DOTS:    /* From:jan.@..., which is no RFC 5322 */
    case REASON_BLOCK_BLANK_FOLD:
    case REASON_BLOCK_CONTROL:
    case REASON_FIELD_NAME_LONG:
    case REASON_BLOCK_FIELDS: return true;
    case REASON_C_HEADER: /* the rest only in a DKIM-Signature that is not zegeld's: other case, white space, defaults */
    case REASON_C_BODY:
    case REASON_C_HALF:
    case REASON_NO_C:
    case REASON_A_UNKNOWN:
    case REASON_BH_OCTET:
    case REASON_TAG_NAME_OCTET:
    case REASON_H_MANY: return true;
    default: return false;
    }
}

/* The host's alone: it has the configuration and a clock. */
static bool host_alone(const char *why)
{
    static const char *const own[] = {"t= is not now", "x= is not what is configured", "i= is not what is configured"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(why, own[i]) == 0)
            return true;
    return false;
}

/* The host has c= in its configuration, the token reads it in the block: the host signs when it would with any of the four. */
static const char *ask_host(struct bytes block, struct config_domain *d, const struct config_key *k)
{
    const char *why = NULL;
    for (unsigned canon = 0; canon < 4; canon++) {
        struct sigheader sig;
        d->relaxed_header = (canon & 1) != 0;
        d->relaxed_body = (canon & 2) != 0;
        const char *refused = blockcheck(block, d, k, BLOCKRULES_NOW, &sig);
        if (refused == NULL)
            return NULL;
        why = why == NULL || host_alone(refused) ? refused : why;
    }
    return why;
}

/* `how`: bit 0 Ed25519, 2 strict alignment, 3 with x=. True when both say the same, or differ as listed. */
static bool blockrules_agree(struct bytes block, uint8_t how, const char **host, enum reason *token)
{
    bool ed25519 = (how & 1) != 0, strict = (how & 4) != 0, expires = (how & 8) != 0;
    struct config_domain d = {.domain = (char *)(uintptr_t) "example.nl",
                              .identity = (char *)(uintptr_t) "@example.nl",
                              .subdomains = !strict,
                              .expire_s = expires ? BLOCKRULES_LIFE_S : 0};
    struct config_key k = {.selector = (char *)(uintptr_t) "s1",
                           .algorithm = ed25519 ? CONFIG_ED25519_SHA256 : CONFIG_RSA_SHA256};
    struct sig_policy p = {.domain = SPAN_LIT("example.nl"),
                           .selector = SPAN_LIT("s1"),
                           .ed25519 = ed25519,
                           .strict = strict,
                           .allow_8bit = true,
                           .want_expire = expires,
                           .life_max_s = BLOCKRULES_LIFE_S};
    *host = ask_host(block, &d, &k);
    *token = block_check(span_of(block.data, block.len), &p);
    if ((*host == NULL) == (*token == REASON_OK))
        return true;
    return *host == NULL ? token_alone(*token) : host_alone(*host);
}

#endif
