/* The signer is no oracle: blocks the engine makes pass, and every way to bend one is refused with its own reason. */
#include <stdio.h>

#include "base/buf.h"
#include "dkim/sign.h"
#include "signer/blockcheck.h"
#include "unit.h"

static const int64_t now = 1700000000;
static struct config_key key = {.selector = (char *)(uintptr_t) "s1", .algorithm = CONFIG_RSA_SHA256};
static struct config_domain domain = {.domain = (char *)(uintptr_t) "example.nl", .relaxed_header = true, .relaxed_body = true};

static const char relaxed_block[] = "from:a@example.nl\r\nto:b@example.org\r\n"
                                    "dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.nl; s=s1; t=1700000000; "
                                    "h=From:From:To:To; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=";

static const char *check(struct bytes block)
{
    struct sigheader sig;
    return blockcheck(block, &domain, &key, now, &sig);
}

START_TEST(the_good_one)
{
    ck_assert_ptr_null(check(bytes_str(relaxed_block)));
}
END_TEST

/* A milter that was taken over may not leave out what the domain oversigns: the signature would fit another Subject. */
START_TEST(oversigned_as_configured)
{
    static const char *const from_to[] = {"From", "To", NULL}, *const with_subject[] = {"From", "Subject", NULL},
                             *const to[] = {"To", NULL}, *const subject[] = {"Subject", NULL};
    static const char once[] = "from:a@example.nl\r\nto:b@example.org\r\n"
                               "dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.nl; s=s1; t=1700000000; "
                               "h=From:From:To; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=";
    static const struct {
        const char *block;
        struct select_policy policy;
        bool ok;
    } rows[] = {
        {relaxed_block, {.oversign = from_to}, true},    {relaxed_block, {.oversign = with_subject}, false},
        {relaxed_block, {.oversign_present = to}, true}, {relaxed_block, {.oversign_present = subject}, true},
        {relaxed_block, {.sign = with_subject}, true},   {once, {.oversign = from_to}, false},
        {once, {.oversign_present = to}, false},         {once, {.sign = from_to}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        domain.headers = rows[i].policy;
        const char *bad = check(bytes_str(rows[i].block));
        ck_assert_msg((bad == NULL) == rows[i].ok, "%zu: %s", i, bad);
        ck_assert_msg(bad == NULL || strstr(bad, "does not oversign") != NULL, "%zu: %s", i, bad);
    }
    domain.headers = (struct select_policy){0};
}
END_TEST

/* What the engine makes is what the signer accepts, in every canonicalisation. */
START_TEST(the_engines_own)
{
    static const char message[] =
        "From: \"A\"\r\n <a@example.nl>\r\nReceived: x\r\nTo:  b@example.org\r\nSubject: x\r\n\ty  z \r\n\r\nbody\r\n";
    struct dkim_sign *m = dkim_sign_new();
    for (int c = 0; c < 8; c++) {
        uint8_t value_room[DKIM_FIELD_MAX], block_room[8192];
        struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
        struct config_domain d = domain;
        struct config_key k = key;
        struct sigheader sig;
        d.relaxed_header = c & 1;
        d.relaxed_body = c & 2;
        d.identity = c & 4 ? (char *)(uintptr_t) "@example.nl" : NULL;
        d.expire_s = c & 4 ? 1000 : 0;
        k.algorithm = c & 4 ? CONFIG_ED25519_SHA256 : CONFIG_RSA_SHA256;
        struct sigheader_params p = {
            .algorithm = c & 4 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256,
            .relaxed_header = d.relaxed_header,
            .relaxed_body = d.relaxed_body,
            .domain = bytes_str(d.domain),
            .selector = bytes_str(k.selector),
            .identity = bytes_str(d.identity),
            .timestamp = now,
            .expire = d.expire_s > 0 ? now + d.expire_s : 0,
        };
        dkim_sign_start(m);
        size_t body = header_parse(&m->header, bytes_str(message));
        dkim_sign_body_start(m, true, true);
        dkim_sign_body(m, bytes_slice(bytes_str(message), body, sizeof message - 1));
        ck_assert(dkim_sign_body_end(m));
        ck_assert(dkim_sign_block(m, &p, &select_default, &value, &block));
        const char *bad = blockcheck(out_bytes(&block), &d, &k, now, &sig);
        ck_assert_msg(bad == NULL, "%d: %s: %.*s", c, bad, (int)block.len, (const char *)block.data);
    }
    dkim_sign_free(m);
}
END_TEST

/* The good block with `from` replaced by `to`. */
static const char *bent(const char *from, const char *to)
{
    static char block[4096];
    const char *at = strstr(relaxed_block, from);
    ck_assert_ptr_nonnull(at);
    (void)snprintf(block, sizeof block, "%.*s%s%s", (int)(at - relaxed_block), relaxed_block, to, at + strlen(from));
    return check(bytes_str(block));
}

START_TEST(bent_ones)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"v=1; ", ""},
        {"v=1", "v=2"},
        {"a=rsa-sha256", "a=ed25519-sha256"},
        {"a=rsa-sha256", "a=rsa-sha1"},
        {"c=relaxed/relaxed", "c=relaxed/simple"},
        {"c=relaxed/relaxed", "c=simple/simple"},
        {"c=relaxed/relaxed; ", ""},
        {"d=example.nl", "d=evil.example"},
        {"d=example.nl", "d=sub.example.nl"},
        {"d=example.nl", "d=EXAMPLE.nl"},
        {"s=s1", "s=s2"},
        {"t=1700000000; ", ""},
        {"t=1700000000", "t=1700000061"},
        {"t=1700000000", "t=1699999939"},
        {"t=1700000000", "t=17000000000"},
        {"t=1700000000", "t=1700000000; x=1700001000"},
        {"t=1700000000", "t=1700000000; l=0"},
        {"t=1700000000", "t=1700000000; i=@example.nl"},
        {"t=1700000000", "t=1700000000; z=From:x"},
        {"t=1700000000", "t=1700000000; q=dns/txt"},
        {"t=1700000000", "t=1700000000; t=1700000000"},
        {"h=From:From:To:To", "h=From:To:To"},
        {"h=From:From:To:To", "h=From:From:To:To:Subject:"},
        {"h=From:From:To:To", "h=To:To:From:From"},
        {"h=From:From:To:To", "h=From:From"},
        {"h=From:From:To:To", "h="},
        {"h=From:From:To:To", "h=To:To"},
        {"h=From:From:To:To; ", ""},
        {"bh=47DE", "bh=7DE"},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh=QUFB"},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh="},
        {"from:a@example.nl\r\n", ""},
        {"from:a@example.nl\r\n", "from:a@example.nl\r\nfrom:a@example.nl\r\n"},
        {"from:a@example.nl\r\n", "from:a@example.nl\r\nsubject:x\r\n"},
        {"from:a@example.nl", "from:a@evil.example"},
        {"from:a@example.nl", "from:a@example.nl.evil.example"},
        {"from:a@example.nl", "from:a@notexample.nl"},
        {"from:a@example.nl", "from:a@sub.example.nl"}, /* subdomains: false */
        {"from:a@example.nl", "from:a@evil.example, b@example.nl"},
        {"from:a@example.nl", "from:a@evil.example <b@example.nl>"},
        {"from:a@example.nl", "from:"},
        {"from:a@example.nl", "From:a@example.nl"},
        {"from:a@example.nl", "from: a@example.nl"},
        {"from:a@example.nl", "from:a@example.nl "},
        {"from:a@example.nl", "from:x  <a@example.nl>"},
        {"from:a@example.nl", "from:x\t<a@example.nl>"},
        {"from:a@example.nl", "from:x\r\n <a@example.nl>"},
        {"from:a@example.nl", "from :a@example.nl"},
        {"from:a@example.nl\r\n", "from:a@example.nl\n"},
        {"from:a@example.nl\r\n", "from:a@example.nl\r"},
        {"to:b@example.org\r\n", "to\r\n"},
        {"to:b@example.org\r\n", ":b@example.org\r\n"},
        {"to:b@example.org\r\n", "\r\n"},
        {"to:b@example.org\r\n", "to:b@example.org\r\n\r\n"},
        {"to:b@example.org\r\n", "dkim-signature:x\r\nto:b@example.org\r\n"},
        {"to:b@example.org\r\n", "DKIM-Signature:x\r\nto:b@example.org\r\n"},
        {"dkim-signature:v", "DKIM-Signature:v"},
        {"dkim-signature:v", "dkim-signature: v"},
        {"dkim-signature:", "x-dkim-signature:"},
        {"dkim-signature:", "dkim-signature"},
        {"; b=", "; b= "},
        {"; b=", "; b=;"},
        {"; b=", "; b=\r\n"},
        {"; b=", ""},
        {"; b=", "; b=x"},
        {"s1; t", "s1;; t"},
        {"s1; t", "s1; =1; t"},
        {"s1; t", "s1; xyz; t"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *bad = bent(cases[i].from, cases[i].to);
        ck_assert_msg(bad != NULL, "%s -> %s", cases[i].from, cases[i].to);
    }
}
END_TEST

START_TEST(nul)
{
    char block[4096];
    for (size_t at = 0; at < sizeof relaxed_block - 1; at++) {
        memcpy(block, relaxed_block, sizeof relaxed_block);
        block[at] = '\0';
        ck_assert_msg(check(bytes_of(block, sizeof relaxed_block - 1)) != NULL, "at %zu", at);
    }
}
END_TEST

START_TEST(subdomains_where_allowed)
{
    domain.subdomains = true;
    ck_assert_ptr_null(bent("from:a@example.nl", "from:a@sub.example.nl"));
    ck_assert_ptr_nonnull(bent("from:a@example.nl", "from:a@notexample.nl"));
    domain.subdomains = false;
}
END_TEST

START_TEST(not_even_a_block)
{
    static uint8_t huge[DKIM_BLOCK_MAX + 1];
    memset(huge, 'a', sizeof huge);
    ck_assert_ptr_nonnull(check(bytes_of(NULL, 0)));
    ck_assert_ptr_nonnull(check(bytes_of(huge, sizeof huge)));
    ck_assert_ptr_nonnull(check(bytes_of(huge, 32))); /* a bare digest */
    ck_assert_ptr_nonnull(check(BYTES_LIT("\r\n")));
    ck_assert_ptr_nonnull(check(BYTES_LIT("\0")));
    for (size_t cut = 0; cut < sizeof relaxed_block - 1; cut++)
        ck_assert_msg(check(bytes_slice(bytes_str(relaxed_block), 0, cut)) != NULL, "cut at %zu", cut);
}
END_TEST

UNIT_MAIN("blockcheck", the_good_one, oversigned_as_configured, the_engines_own, bent_ones, nul, subdomains_where_allowed,
          not_even_a_block)
