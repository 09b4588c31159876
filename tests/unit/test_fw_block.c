/* The token's own parser: what the engine makes passes, and each way to bend a block is refused with the one reason that says
 * how. Every reason a block can give has at least one case here; the last test counts them. */
#include <stdio.h>

#include "core/block.h"
#include "unit.h"

#define BH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define SIG                                                                                                                      \
    "dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.nl; s=s1; t=1700000000; h=From:From:To:To; bh=" BH "; b="
#define RELAXED "from:a@example.nl\r\nto:b@example.org\r\n" SIG
#define SIMPLE                                                                                                                   \
    "From: Anna\r\n <a@example.nl>\r\nTo: b@example.org\r\nDKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; "                 \
    "d=example.nl;\r\n"                                                                                                          \
    "\ts=s1; t=1700000000;\r\n\th=From:From:\r\n\t To:To; bh=" BH ";\r\n\tb="
#define TEN "xxxxxxxxxx"
#define SIXTY TEN TEN TEN TEN TEN TEN

static struct sig_policy policy;
static bool seen[256];

static void usual_policy(void)
{
    policy =
        (struct sig_policy){.domain = SPAN_LIT("example.nl"), .selector = SPAN_LIT("s1"), .allow_8bit = true, .life_max_s = 3600};
}

static enum reason check(const char *block)
{
    enum reason r = block_check(span_of(block, strlen(block)), &policy);
    seen[r] = true;
    return r;
}

/* The block with `from` replaced by `to`. */
static const char *bent(const char *block, const char *from, const char *to)
{
    static char rooms[2][16384]; /* two, so that what is bent can be bent again */
    static int turn;
    char *room = rooms[turn ^= 1];
    const char *at = strstr(block, from);
    ck_assert_msg(at != NULL, "%s", from);
    (void)snprintf(room, sizeof rooms[0], "%.*s%s%s", (int)(at - block), block, to, at + strlen(from));
    return room;
}

struct bend {
    const char *from, *to;
    enum reason why;
};

static void refuse_all(const char *block, const struct bend *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum reason r = check(bent(block, cases[i].from, cases[i].to));
        ck_assert_msg(r == cases[i].why, "%s -> %s: %s, not %s", cases[i].from, cases[i].to, reason_text(r),
                      reason_text(cases[i].why));
    }
}
#define REFUSE_ALL(block, cases) refuse_all(block, cases, sizeof(cases) / sizeof(cases)[0])

START_TEST(good_ones)
{
    static const struct bend good[] = {
        {"from:a@example.nl", "from:Anna <a@sub.example.nl>", REASON_OK},
        {"from:a@example.nl", "from:root@example.nl (Cron Daemon)", REASON_OK},
        {"from:a@example.nl", "from:\"x@evil.example\" <a@EXAMPLE.nl>", REASON_OK},
        {"from:a@example.nl", "from:J\xc3\xb6rg <j@example.nl>", REASON_OK},
        {"from:a@example.nl", "from:A. de Vries <\"a b\"@example.nl>", REASON_OK},
        {"from:a@example.nl", "from:(a (b\\)) c) <a@example.nl>", REASON_OK},
        {"t=1700000000", "t=1700000000; x=1700003600; i=a.b@sub.example.nl", REASON_OK},
        {"From:From:To:To", "Subject:From: From :X-None:To:To", REASON_OK},
    };
    usual_policy();
    ck_assert_int_eq(check(RELAXED), REASON_OK);
    ck_assert_int_eq(check(SIMPLE), REASON_OK);
    REFUSE_ALL(RELAXED, good);
    policy.ed25519 = policy.strict = policy.want_expire = true;
    ck_assert_int_eq(check(bent(bent(RELAXED, "rsa", "ed25519"), "h=", "x=1700000001; h=")), REASON_OK);
}
END_TEST

START_TEST(lines)
{
    static const struct bend cases[] = {
        {"to:b", "to:\rb", REASON_BLOCK_CR},
        {"example.org\r\n", "example.org\r", REASON_BLOCK_CR},
        {"; b=", "; b=\r", REASON_BLOCK_CR},
        {"example.org\r\n", "example.org\n", REASON_BLOCK_LF},
        {"from:", "\nfrom:", REASON_BLOCK_LF},
        {"to:b",
         "to:\x01"
         "b",
         REASON_BLOCK_CONTROL},
        {"to:b", "to:\x1b[2J", REASON_BLOCK_CONTROL},
        {"to:b", "to:\x7f", REASON_BLOCK_CONTROL},
        {"; b=", "; b=\r\n", REASON_BLOCK_ENDS_CRLF},
        {"; b=", "; b=\r\n\r\n", REASON_BLOCK_ENDS_CRLF},
        {"to:b@example.org\r\n", "to:b@example.org\r\n\r\n", REASON_FIELD_NO_COLON},
        {"to:b@example.org\r\n", "\r\n", REASON_FIELD_NO_COLON},
        {"to:b@example.org", "to", REASON_FIELD_NO_COLON},
        {"dkim-signature:", "dkim-signature", REASON_SIG_NOT_LAST},
        {"to:b", ":b", REASON_FIELD_NO_NAME},
        {"to:b", "to :b", REASON_FIELD_NAME_SPACE},
        {"from:", " from:", REASON_FIELD_NAME_SPACE},
        {"to:b", "t\xc3\xb6:b", REASON_FIELD_NAME_OCTET},
        {"to:b", "To:b", REASON_FIELD_NAME_CASE},
        {"from:a", "From:a", REASON_FIELD_NAME_CASE},
        {"to:b", SIXTY TEN TEN ":b", REASON_FIELD_NAME_LONG},
        {"to:b", "to:a\tb", REASON_FIELD_TAB},
        {"to:b", "to:a\r\n b", REASON_FIELD_FOLD},
        {"to:b", "to:a  b", REASON_FIELD_SPACES},
        {"to:b", "to: b", REASON_FIELD_LEADING},
        {"example.org", "example.org ", REASON_FIELD_TRAILING},
        {"signature:v", "signature: v", REASON_FIELD_LEADING},
        {"; a=", ";  a=", REASON_FIELD_SPACES},
        {"; a=", "; a=\t", REASON_FIELD_TAB},
        {"; a=", ";\r\n a=", REASON_FIELD_FOLD},
    };
    static const struct bend simple[] = {
        {"Anna\r\n <a", "Anna\r\n \r\n <a", REASON_BLOCK_BLANK_FOLD},
        {"\tb=", " \r\n\tb=", REASON_BLOCK_BLANK_FOLD},
        {"DKIM-Signature", "Dkim-Signature", REASON_SIG_NAME_CASE},
        {"To: b", "To : b", REASON_FIELD_NAME_SPACE},
        {"c=simple", "c=relaxed", REASON_FIELD_NAME_CASE},
    };
    static char huge[BLOCK_MAX + 1];
    usual_policy();
    REFUSE_ALL(RELAXED, cases);
    REFUSE_ALL(SIMPLE, simple);
    ck_assert_int_eq(check(""), REASON_BLOCK_EMPTY);
    memset(huge, 'a', sizeof huge);
    ck_assert_int_eq(block_check(span_of(huge, sizeof huge), &policy), REASON_BLOCK_LARGE);
    ck_assert_int_eq(block_check(SPAN_LIT("from:a\0b"), &policy), REASON_BLOCK_NUL);
    ck_assert_int_eq(block_check(span_of(huge, 32), &policy), REASON_FIELD_NO_COLON); /* as long as a digest */
    for (size_t i = 0; i < 257; i++)
        memcpy(huge + 5 * i, "x:y\r\n", 5);
    memcpy(huge + 5 * 257, SIG, sizeof SIG);
    ck_assert_int_eq(check(huge), REASON_BLOCK_FIELDS);
    seen[REASON_BLOCK_LARGE] = seen[REASON_BLOCK_NUL] = true;
}
END_TEST

START_TEST(signature_tags)
{
    static const struct bend cases[] = {
        {"dkim-signature", "x-dkim-signature", REASON_SIG_NOT_LAST},
        {"; b=", "; b=\r\nx:y", REASON_SIG_TWICE},
        {"to:b@example.org", "dkim-signature:x", REASON_SIG_TWICE},
        {"to:b@example.org", "DKIM-Signature:x", REASON_SIG_TWICE},
        {"s=s1;", "s=s1; xyz;", REASON_TAG_NO_EQUALS},
        {"s=s1;", "s=s1; =1;", REASON_TAG_NO_NAME},
        {"s=s1;", "s=s1; t-x=1;", REASON_TAG_NAME_OCTET},
        {"s=s1;", "s=s1; b h=1;", REASON_TAG_NAME_OCTET},
        {"; b=", "; b =", REASON_TAG_NAME_OCTET},
        {"s=s1;", "s=s\xc3\xb6;", REASON_TAG_VALUE_OCTET},
        {"s=s1;", "s=s1;;", REASON_TAG_BLANK},
        {"s=s1;", "s=s1; ;", REASON_TAG_BLANK},
        {"; b=", "", REASON_NO_B},
        {"b=", "", REASON_TAG_BLANK},
        {"s=s1;", "s=s1; s=s1;", REASON_TAG_TWICE},
        {"s=s1;", "s=s1; d=evil.example;", REASON_TAG_TWICE},
        {"s=s1;", "s=s1; xy=1;", REASON_TAG_UNKNOWN},
        {"s=s1;", "s=s1; B=;", REASON_TAG_UNKNOWN},
        {"s=s1;", "s=s1; l=0;", REASON_TAG_L},
        {"s=s1;", "s=s1; z=From:x;", REASON_TAG_Z},
        {"s=s1;", "s=s1; q=dns/txt;", REASON_TAG_Q},
        {"v=1; ", "", REASON_NO_V},
        {"a=rsa-sha256; ", "", REASON_NO_A},
        {"c=relaxed/relaxed; ", "", REASON_NO_C},
        {"d=example.nl; ", "", REASON_NO_D},
        {"s=s1; ", "", REASON_NO_S},
        {"t=1700000000; ", "", REASON_NO_T},
        {"h=From:From:To:To; ", "", REASON_NO_H},
        {"bh=" BH "; ", "", REASON_NO_BH},
        {"; b=", "; b=;", REASON_B_NOT_LAST},
        {"; b=", "; b=; i=@example.nl", REASON_B_NOT_LAST},
        {"; b=", "; b=x", REASON_B_NOT_EMPTY},
        {"; b=", "; b= ", REASON_B_NOT_EMPTY},
        {"v=1", "v=2", REASON_V_NOT_1},
        {"v=1", "v=", REASON_V_NOT_1},
        {"v=1", "v=1.0", REASON_V_NOT_1},
        {"rsa-sha256", "rsa-sha512", REASON_A_UNKNOWN},
        {"rsa-sha256", "RSA-SHA256", REASON_A_UNKNOWN},
        {"rsa-sha256", "", REASON_A_UNKNOWN},
        {"rsa-sha256", "rsa-sha1", REASON_A_SHA1},
        {"rsa-sha256", "ed25519-sha256", REASON_A_NOT_KEY},
        {"c=relaxed/", "c=nofws/", REASON_C_HEADER},
        {"c=relaxed/", "c=/", REASON_C_HEADER},
        {"/relaxed", "/nofws", REASON_C_BODY},
        {"/relaxed", "/", REASON_C_BODY},
        {"/relaxed", "", REASON_C_HALF},
        {"bh=47", "bh=4-", REASON_BH_OCTET},
        {"bh=47", "bh=4 7", REASON_BH_OCTET},
        {BH, "QUFB", REASON_BH_LENGTH},
        {BH, "", REASON_BH_LENGTH},
        {"bh=47", "bh=447", REASON_BH_LENGTH},
        {"SuFU=", "SuFU", REASON_BH_PADDING},
        {"SuFU=", "SuFU==", REASON_BH_PADDING},
        {"SuFU=", "SuFV=", REASON_BH_PADDING},
        {"SuFU=", "SuFU=A", REASON_BH_PADDING},
    };
    usual_policy();
    REFUSE_ALL(RELAXED, cases);
}
END_TEST

START_TEST(times)
{
    static const struct bend cases[] = {
        {"t=1700000000", "t=", REASON_T_EMPTY},
        {"t=1700000000", "t=-1", REASON_T_OCTET},
        {"t=1700000000", "t=17 00000000", REASON_T_OCTET},
        {"t=1700000000", "t=1700000000000", REASON_T_LONG},
        {"t=1700000000", "t=0", REASON_T_EARLY},
        {"t=1700000000", "t=1699999999", REASON_T_EARLY},
        {"t=1700000000", "t=1700000000; x=", REASON_X_EMPTY},
        {"t=1700000000", "t=1700000000; x=soon", REASON_X_OCTET},
        {"t=1700000000", "t=1700000000; x=1700000000000", REASON_X_LONG},
        {"t=1700000000", "t=1700000000; x=1700000000", REASON_X_NOT_AFTER},
        {"t=1700000000", "t=1700000000; x=1", REASON_X_NOT_AFTER},
        {"t=1700000000", "t=1700000000; x=1700003601", REASON_X_FAR},
        {"t=1700000000", "t=1700000000; x=999999999999", REASON_X_FAR},
    };
    usual_policy();
    REFUSE_ALL(RELAXED, cases);
    policy.want_expire = true;
    ck_assert_int_eq(check(RELAXED), REASON_X_MISSING);
}
END_TEST

START_TEST(names)
{
    static const struct bend cases[] = {
        {"d=example.nl", "d=", REASON_D_EMPTY},
        {"d=example.nl", "d=" SIXTY "." SIXTY "." SIXTY "." SIXTY "." TEN, REASON_D_LONG},
        {"d=example.nl", "d=example..nl", REASON_D_LABEL_EMPTY},
        {"d=example.nl", "d=example.nl.", REASON_D_LABEL_EMPTY},
        {"d=example.nl", "d=.example.nl", REASON_D_LABEL_EMPTY},
        {"d=example.nl", "d=" SIXTY "xxxx.nl", REASON_D_LABEL_LONG},
        {"d=example.nl", "d=exa mple.nl", REASON_D_OCTET},
        {"d=example.nl", "d=example.nl(.evil.example", REASON_D_OCTET},
        {"d=example.nl", "d=evil.example", REASON_D_NOT_KEY},
        {"d=example.nl", "d=sub.example.nl", REASON_D_NOT_KEY},
        {"d=example.nl", "d=nl", REASON_D_NOT_KEY},
        {"d=example.nl", "d=EXAMPLE.nl", REASON_D_NOT_KEY},
        {"s=s1", "s=", REASON_S_EMPTY},
        {"s=s1", "s=" SIXTY "." SIXTY "." SIXTY "." SIXTY "." TEN, REASON_S_LONG},
        {"s=s1", "s=s1..x", REASON_S_LABEL_EMPTY},
        {"s=s1", "s=" SIXTY "xxxx", REASON_S_LABEL_LONG},
        {"s=s1", "s=s*1", REASON_S_OCTET},
        {"s=s1", "s=s2", REASON_S_NOT_KEY},
        {"s=s1", "s=s1._domainkey", REASON_S_NOT_KEY},
        {"h=", "i=example.nl; h=", REASON_I_NO_AT},
        {"h=", "i=; h=", REASON_I_NO_AT},
        {"h=", "i=a b@example.nl; h=", REASON_I_LOCAL},
        {"h=", "i=a@b@example.nl; h=", REASON_I_LOCAL},
        {"h=", "i=@; h=", REASON_I_EMPTY},
        {"h=", "i=@" SIXTY "." SIXTY "." SIXTY "." SIXTY ".example.nl; h=", REASON_I_LONG},
        {"h=", "i=@.example.nl; h=", REASON_I_LABEL_EMPTY},
        {"h=", "i=@" SIXTY "xxxx.example.nl; h=", REASON_I_LABEL_LONG},
        {"h=", "i=@a,b.example.nl; h=", REASON_I_OCTET},
        {"h=", "i=@evil.example; h=", REASON_I_OUTSIDE},
        {"h=", "i=@notexample.nl; h=", REASON_I_OUTSIDE},
        {"h=", "i=@nl; h=", REASON_I_OUTSIDE},
    };
    usual_policy();
    REFUSE_ALL(RELAXED, cases);
}
END_TEST

START_TEST(what_h_says)
{
    static const struct bend cases[] = {
        {"To:To", "To:To:", REASON_H_EMPTY_NAME},
        {"h=From:From:To:To", "h=", REASON_H_EMPTY_NAME},
        {"To:To", "To:T o", REASON_H_OCTET},
        {"To:To", "To:To:DKIM-Signature", REASON_H_SIGNATURE},
        {"To:To", "To:To:dkim-signature", REASON_H_SIGNATURE},
        {"From:From:To:To", "To:To", REASON_H_NO_FROM},
        {"From:From:To:To", "From:To:To", REASON_H_FROM_ONCE},
        {"From:From:To:To", "From:From", REASON_H_LEFT_OVER},
        {"to:b@example.org\r\n", "to:b@example.org\r\nsubject:x\r\n", REASON_H_LEFT_OVER},
        {"From:From:To:To", "To:To:From:From", REASON_H_ORDER},
        {"to:b@example.org\r\n", "to:b@example.org\r\nto:c@example.org\r\n", REASON_H_SINGLETON},
        {"to:b@example.org\r\n", "subject:x\r\nsubject:y\r\n", REASON_H_SINGLETON},
        {"to:b@example.org\r\n", "content-type:x\r\ncontent-type:y\r\n", REASON_H_SINGLETON},
        {"to:b@example.org\r\n", "date:x\r\ndate:y\r\n", REASON_H_SINGLETON},
        {"to:b@example.org\r\n", "reply-to:x\r\nreply-to:y\r\n", REASON_H_SINGLETON},
        {"to:b@example.org\r\n", "message-id:x\r\nmessage-id:y\r\n", REASON_H_SINGLETON},
        {"from:a@example.nl\r\n", "", REASON_NO_FROM},
        {"from:a@example.nl\r\n", "from:a@example.nl\r\nfrom:a@example.nl\r\n", REASON_FROM_TWICE},
        {"from:a@example.nl\r\n", "from:a@example.nl\r\nfrom:a@evil.example\r\n", REASON_FROM_TWICE},
    };
    static char many[4096] = "h=";
    usual_policy();
    REFUSE_ALL(RELAXED, cases);
    for (size_t i = 0; i < 257; i++)
        memcpy(many + 2 + 5 * i, "From:", 6);
    ck_assert_int_eq(check(bent(RELAXED, "h=", many)), REASON_H_MANY);
}
END_TEST

START_TEST(from)
{
    static const struct bend cases[] = {
        {"a@example.nl", "", REASON_FROM_EMPTY},
        {"a@example.nl", "(x)", REASON_FROM_EMPTY},
        {"a@example.nl", "a@example.nl(.evil.example", REASON_FROM_COMMENT},
        {"a@example.nl", "(a\\) a@example.nl", REASON_FROM_COMMENT},
        {"a@example.nl", "((((x)))) a@example.nl", REASON_FROM_COMMENT_DEEP},
        {"a@example.nl", "\"a <a@example.nl>", REASON_FROM_QUOTE},
        {"a@example.nl", "\"a\\\" <a@example.nl>", REASON_FROM_QUOTE},
        {"a@example.nl", "a", REASON_FROM_NO_AT},
        {"a@example.nl", "Anna <a>", REASON_FROM_NO_AT},
        {"a@example.nl", "a @example.nl", REASON_FROM_SPECIAL},
        {"a@example.nl", "@example.nl", REASON_FROM_LOCAL},
        {"a@example.nl", "<>", REASON_FROM_LOCAL},
        {"a@example.nl", "<@example.nl>", REASON_FROM_LOCAL},
        {"a@example.nl", ".a@example.nl", REASON_FROM_DOTS},
        {"a@example.nl", "a.@example.nl", REASON_FROM_DOTS},
        {"a@example.nl", "a..b@example.nl", REASON_FROM_DOTS},
        {"a@example.nl", "a@[192.0.2.1]", REASON_FROM_LITERAL},
        {"a@example.nl", "group: a@example.nl;", REASON_FROM_GROUP},
        {"a@example.nl", "undisclosed-recipients:;", REASON_FROM_GROUP},
        {"a@example.nl", "<@evil.example:a@example.nl>", REASON_FROM_ROUTE},
        {"a@example.nl", "<a@example.nl", REASON_FROM_ANGLE},
        {"a@example.nl", "<a@example.nl x>", REASON_FROM_ANGLE},
        {"a@example.nl", "<a@example.nl> x", REASON_FROM_BEHIND},
        {"a@example.nl", "<a@example.nl><a@evil.example>", REASON_FROM_BEHIND},
        {"a@example.nl", "a@example.nl b@evil.example", REASON_FROM_BEHIND},
        {"a@example.nl", "a@evil.example <a@example.nl>", REASON_FROM_BEHIND},
        {"a@example.nl", "a@example.nl, b@example.nl", REASON_FROM_LIST},
        {"a@example.nl", "a@example.nl,", REASON_FROM_LIST},
        {"a@example.nl", "J\xe9 <a@example.nl>", REASON_FROM_UTF8},
        {"a@example.nl", "J\xc0\xbc <a@example.nl>", REASON_FROM_UTF8},
        {"a@example.nl", "J\xed\xa0\x80 <a@example.nl>", REASON_FROM_UTF8},
        {"a@example.nl", "\xc3\xb6@example.nl", REASON_FROM_SPECIAL},
        {"a@example.nl", "x@evil.example, <a@example.nl>", REASON_FROM_LIST},
        {"a@example.nl", "Anna a@evil.example <a@example.nl>", REASON_FROM_SPECIAL},
        {"a@example.nl", "Anna; <a@example.nl>", REASON_FROM_SPECIAL},
        {"a@example.nl", ",a@example.nl", REASON_FROM_SPECIAL},
        {"a@example.nl", "a\\@evil.example@example.nl", REASON_FROM_SPECIAL},
        {"a@example.nl", "a@example.nl@evil.example", REASON_FROM_TWO_AT},
        {"a@example.nl", "a@", REASON_FROM_DOMAIN_EMPTY},
        {"a@example.nl", "a@ example.nl", REASON_FROM_DOMAIN_EMPTY},
        {"a@example.nl", "a@" SIXTY "." SIXTY "." SIXTY "." SIXTY ".example.nl", REASON_FROM_DOMAIN_LONG},
        {"a@example.nl", "a@example..nl", REASON_FROM_DOMAIN_LABEL_EMPTY},
        {"a@example.nl", "a@example.nl.", REASON_FROM_DOMAIN_LABEL_EMPTY},
        {"a@example.nl", "a@" SIXTY "xxxx.example.nl", REASON_FROM_DOMAIN_LABEL_LONG},
        {"a@example.nl", "a@ex\xc3\xa4mple.nl", REASON_FROM_DOMAIN_OCTET},
        {"a@example.nl", "a@example.nl/evil.example", REASON_FROM_DOMAIN_OCTET},
        {"a@example.nl", "a@evil.example", REASON_FROM_RELAXED},
        {"a@example.nl", "a@notexample.nl", REASON_FROM_RELAXED},
        {"a@example.nl", "a@example.nl.evil.example", REASON_FROM_RELAXED},
        {"a@example.nl", "a@nl", REASON_FROM_RELAXED},
        {"a@example.nl", "\"a@example.nl\" <a@evil.example>", REASON_FROM_RELAXED},
        {"a@example.nl", "(a@example.nl) a@evil.example", REASON_FROM_RELAXED},
    };
    usual_policy();
    REFUSE_ALL(RELAXED, cases);
    policy.strict = true;
    ck_assert_int_eq(check(bent(RELAXED, "a@", "a@sub.")), REASON_FROM_STRICT);
    policy.allow_8bit = false;
    ck_assert_int_eq(check(bent(RELAXED, "from:", "from:J\xc3\xb6rg <a@example.nl>")), REASON_FROM_8BIT);
}
END_TEST

/* No prefix of a good block is a good block. */
START_TEST(cut_short)
{
    usual_policy();
    for (size_t cut = 0; cut < sizeof RELAXED - 1; cut++)
        ck_assert_msg(block_check(span_of(RELAXED, cut), &policy) != REASON_OK, "cut at %zu", cut);
    for (size_t cut = 0; cut < sizeof SIMPLE - 1; cut++)
        ck_assert_msg(block_check(span_of(SIMPLE, cut), &policy) != REASON_OK, "cut at %zu", cut);
}
END_TEST

/* The four behind that are not about a block are in test_fw_dkim. */
START_TEST(every_reason_was_seen)
{
#define REASON_NUMBER(name, code, text) REASON_##name,
    static const enum reason all[] = {REASONS(REASON_NUMBER)};
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ck_assert_int_lt(all[i], 0x80);
        if (all[i] >= REASON_NOT_BEGUN)
            continue;
        ck_assert_msg(seen[all[i]], "no case for: %s", reason_text(all[i]));
        count++;
    }
    printf("%zu reasons\n", count);
    ck_assert_uint_ge(count, 100);
}
END_TEST

UNIT_MAIN("fw_block", good_ones, lines, signature_tags, times, names, what_h_says, from, cut_short, every_reason_was_seen)
