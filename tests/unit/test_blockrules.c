/* The host's block rules and the token's over the same blocks: 32 that are good, and 200,000 mutations of them. */
#include <stdio.h>

#include "differential/blockrules.h"
#include "unit.h"

enum { ROUNDS = 200000, ROOM = 4096 };

#define FIELDS                                                                                                                   \
    "from:Jan <jan@post.example.nl>\r\nto:b@example.org, c@example.net\r\nsubject:een twee\r\ndate:Wed, 25 Nov 2026 18:00:00 "   \
    "+0100\r\n"                                                                                                                  \
    "message-id:<1@example.nl>\r\nmime-version:1.0\r\n"
#define TAGS                                                                                                                     \
    "v=1; a=%s-sha256; c=%s/%s; d=example.nl; s=s1;%s t=%d;%s "                                                                  \
    "h=From:From:To:To:Subject:Subject:Date:Date:Message-ID:Message-ID:MIME-Version:MIME-Version; "                              \
    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b="

static size_t good(uint8_t how, char out[ROOM])
{
    const char *canon = how & 2 ? "simple" : "relaxed";
    char expire[40] = "";
    if (how & 8)
        (void)snprintf(expire, sizeof expire, " x=%d;", BLOCKRULES_NOW + BLOCKRULES_LIFE_S);
    int n =
        snprintf(out, ROOM, "%s%s:" TAGS, how & 4 ? "from:jan@example.nl\r\nto:b@example.org\r\nsubject:een twee\r\n" : FIELDS,
                 how & 2 ? "DKIM-Signature" : "dkim-signature", how & 1 ? "ed25519" : "rsa", canon, canon,
                 how & 16 ? " i=@example.nl;" : "", BLOCKRULES_NOW, expire);
    return (size_t)n;
}

START_TEST(both_sign_what_is_good)
{
    char block[ROOM];
    const char *host;
    enum reason token;
    for (unsigned how = 0; how < 32; how++) {
        size_t len = good((uint8_t)how, block);
        ck_assert(blockrules_agree(bytes_of(block, len), (uint8_t)how, &host, &token));
        ck_assert_msg(host == NULL && token == REASON_OK, "%u: %s; %s", how, host, reason_text(token));
    }
}
END_TEST

/* xorshift: the same every time. */
static uint32_t next(uint32_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    *s ^= *s << 5;
    return *s;
}

/* One change: an octet from what matters to a parser, a piece twice, a piece away, or two pieces exchanged. */
static size_t mutate(char *b, size_t len, uint32_t *s)
{
    static const char octets[] = "\r\n\t :;=<>@\"(),.\\[]-_\0\x7f\x80\xc3\xa9"
                                 "aZ09bdhlqxtvis";
    size_t at = next(s) % len, n = 1 + next(s) % 24;
    switch (next(s) % 6) {
    case 0: b[at] = octets[next(s) % (sizeof octets - 1)]; return len;
    case 1:
        if (len + 1 >= ROOM)
            return len;
        memmove(b + at + 1, b + at, len - at);
        b[at] = octets[next(s) % (sizeof octets - 1)];
        return len + 1;
    case 2:
        n = n > len - at ? len - at : n;
        memmove(b + at, b + at + n, len - at - n);
        return len - n == 0 ? len : len - n;
    case 3:
        n = n > len - at ? len - at : n;
        if (len + n >= ROOM)
            return len;
        memmove(b + at + n, b + at, len - at);
        return len + n;
    case 4: b[at] ^= 0x20; return len;
    default: b[at] = (char)next(s); return len;
    }
}

START_TEST(both_refuse_what_is_not)
{
    static char block[ROOM];
    uint32_t seed = 20261125;
    unsigned signed_by_both = 0, refused_by_both = 0, listed = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t how = (uint8_t)(next(&seed) & 31);
        const char *host;
        enum reason token;
        size_t len = good(how, block);
        for (unsigned changes = 1 + next(&seed) % 3; changes > 0; changes--)
            len = mutate(block, len, &seed);
        bool agree = blockrules_agree(bytes_of(block, len), how, &host, &token);
        ck_assert_msg(agree, "host: %s; token: %s: %.*s", host == NULL ? "signs" : host, reason_text(token), (int)len, block);
        signed_by_both += host == NULL && token == REASON_OK;
        refused_by_both += host != NULL && token != REASON_OK;
        listed += (host == NULL) != (token == REASON_OK);
    }
    (void)printf("%u signed by both, %u refused by both, %u differ as listed\n", signed_by_both, refused_by_both, listed);
    ck_assert_uint_gt(signed_by_both, ROUNDS / 100);
    ck_assert_uint_gt(refused_by_both, ROUNDS / 10);
}
END_TEST

UNIT_MAIN("blockrules", both_sign_what_is_good, both_refuse_what_is_not)
