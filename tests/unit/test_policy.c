#include <netinet/in.h>

#include "base/err.h"
#include "dkim/sign.h"
#include "milter/policy.h"
#include "unit.h"

static const char yaml[] = "tokens:\n  - {name: t, module: /m.so, token: 'pkcs11:token=z', pin: prompt}\n"
                           "domains:\n  - domain: example.nl\n    keys:\n      - {selector: s, algorithm: rsa-sha256}\n";

static const struct sender local = {.local = true}, stranger = {0};

static struct dkim_sign *message(const char *text)
{
    struct dkim_sign *m = dkim_sign_new();
    ck_assert_ptr_nonnull(m);
    (void)header_parse(&m->header, bytes_str(text));
    return m;
}

static const char *simple = ""; /* more of the domain */

static enum policy_verdict judge(bool ours, const char *text)
{
    struct buf yaml_text = BUF_INIT;
    struct config *c = NULL;
    struct buf why = BUF_INIT;
    struct dkim_sign *m = message(text);
    buf_addf(&yaml_text, "%s%s", yaml, simple);
    ck_assert_msg(config_parse("t", buf_bytes(&yaml_text), &c, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    struct policy_answer a = policy_judge(c, ours ? &local : &stranger, &m->header);
    ck_assert((a.domain != NULL) == (a.verdict == POLICY_SIGN));
    enum policy_verdict v = a.verdict;
    config_free(c);
    dkim_sign_free(m);
    buf_free(&yaml_text);
    buf_free(&why);
    return v;
}

START_TEST(verdicts)
{
    ck_assert_int_eq(judge(true, "From: a@example.nl\r\n"), POLICY_SIGN);
    ck_assert_int_eq(judge(true, "FROM: A <a@Example.NL>\r\n"), POLICY_SIGN);
    ck_assert_int_eq(judge(false, "From: a@example.nl\r\n"), POLICY_UNTOUCHED);
    ck_assert_int_eq(judge(false, "From: a@example.nl\r\nFrom: b@example.nl\r\n"), POLICY_UNTOUCHED);
    ck_assert_int_eq(judge(true, "From: a@example.com\r\n"), POLICY_UNTOUCHED);
    ck_assert_int_eq(judge(true, "From: a@sub.example.nl\r\n"), POLICY_UNTOUCHED);
    ck_assert_int_eq(judge(true, "To: a@example.nl\r\n"), POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From: a@example.nl\r\nFrom: b@example.nl\r\n"), POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From: a@example.nl, b@example.com\r\n"), POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From: nobody\r\n"), POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From : a@example.nl\r\nX\t: y\r\n"), POLICY_SIGN);
    simple = "  - {domain: xn--bcher-kva.example, keys: [{selector: s, algorithm: rsa-sha256}]}\nsenders: [{network: local, "
             "domains: ['*']}]\n";
    ck_assert_int_eq(judge(true, "From: a@b\303\274cher.example\r\n"), POLICY_SIGN);
    ck_assert_int_eq(judge(true, "From: a@xn--bcher-kva.example\r\n"), POLICY_SIGN);
    ck_assert_int_eq(judge(true, "From: a@B\xc3\x9c"
                                 "CHER.example\r\n"),
                     POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From: a@sub.b\303\274cher.example\r\n"), POLICY_UNTOUCHED);
    simple = "    canonicalization: simple\n"; /* then the signer would refuse what we make */
    ck_assert_int_eq(judge(true, "From : a@example.nl\r\n"), POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From: a@example.nl\r\nX\t: y\r\n"), POLICY_REJECT);
    ck_assert_int_eq(judge(true, "From: a@example.nl\r\nX: y\r\n"), POLICY_SIGN);
    simple = "";
}
END_TEST

static bool may(const char *more, struct sender s, const char *domain)
{
    static const char two[] = "tokens:\n  - {name: t, module: /m.so, token: 'pkcs11:token=z', pin: prompt}\n"
                              "trusted-networks: [192.0.2.0/24]\ndomains:\n"
                              "  - {domain: a.nl, subdomains: true, keys: [{selector: s, algorithm: rsa-sha256}]}\n"
                              "  - {domain: b.nl, keys: [{selector: s, algorithm: rsa-sha256}]}\n";
    struct config *c = NULL;
    struct buf yaml_text = BUF_INIT, why = BUF_INIT;
    buf_add_str(&yaml_text, two);
    buf_add_str(&yaml_text, more);
    ck_assert_msg(config_parse("t", buf_bytes(&yaml_text), &c, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    bool yes = sender_is_ours(c, &s) && sender_may(c, &s, config_find_domain(c, bytes_str(domain)));
    config_free(c);
    buf_free(&yaml_text);
    buf_free(&why);
    return yes;
}

START_TEST(who_may)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207)};
    struct sender near = {.client = (struct sockaddr *)&in}, user = {.user = "x@a.nl"}, bare = {.user = "x"};
    /* without rules */
    ck_assert(!may("", local, "a.nl") && !may("", near, "b.nl")); /* being near is no licence for every domain */
    ck_assert(may("", user, "a.nl") && !may("", user, "b.nl"));
    ck_assert(may("", (struct sender){.user = "x@sub.a.nl"}, "a.nl") && !may("", (struct sender){.user = "x@sub.b.nl"}, "b.nl"));
    ck_assert(!may("", bare, "a.nl") && !may("", (struct sender){.user = "x@"}, "a.nl"));
    ck_assert(!may("", (struct sender){.user = "x@a.nl", .client = (struct sockaddr *)&in}, "b.nl")); /* known by name: by name */
    ck_assert(!may("", stranger, "a.nl"));
    /* with rules nothing else holds */
    static const char rules[] = "senders:\n  - {user: x, domains: [a.nl, b.nl]}\n  - {user: '*@b.nl', domains: [b.nl]}\n"
                                "  - {network: 192.0.2.7, envelope: '*@a.nl', domains: ['*']}\n";
    ck_assert(may(rules, bare, "a.nl") && may(rules, bare, "b.nl"));
    ck_assert(!may(rules, user, "a.nl") && may(rules, (struct sender){.user = "Y@B.NL"}, "b.nl"));
    ck_assert(!may(rules, local, "a.nl"));
    ck_assert(!may(rules, near, "a.nl"));
    near.envelope = "z@a.nl";
    ck_assert(may(rules, near, "b.nl"));
    ck_assert(!may(rules, (struct sender){.local = true, .envelope = "z@a.nl"}, "b.nl"));
    ck_assert(may("senders:\n  - {network: local, domains: ['*']}\n", local, "b.nl"));
    static const char envelopes[] =
        "senders:\n  - {envelope: '*@a.nl', domains: [a.nl]}\n  - {envelope: z@b.nl, domains: [b.nl]}\n"
        "  - {user: x, envelope: '*@a.nl', domains: [b.nl]}\n";
    ck_assert(may(envelopes, near, "a.nl") && !may(envelopes, near, "b.nl"));
    near.envelope = "Z@B.nl";
    ck_assert(!may(envelopes, near, "a.nl") && may(envelopes, near, "b.nl"));
    ck_assert(may(envelopes, (struct sender){.user = "x", .envelope = "q@a.nl"}, "b.nl") && !may(envelopes, bare, "b.nl"));
}
END_TEST

/* A network that one socket trusts says nothing of who comes from there to another: a webmail's users, say. */
START_TEST(who_may_by_the_network_of_a_socket)
{
    static const char more[] =
        "listen: ['inet:1@127.0.0.1']\nfront-ends: [{listen: 'inet:1@127.0.0.1', trusted-networks: [127.0.0.1]}]\n"
        "senders: [{network: 127.0.0.1, domains: ['*']}, {user: '*@a.nl', domains: [a.nl]}]\n";
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001), .sin_port = htons(40000)};
    char *networks[] = {(char *)(uintptr_t) "127.0.0.1"};
    const struct config_front_end filtered = {.trusted_networks = networks, .trusted_networks_count = 1};
    struct sender webmail = {.user = "x@a.nl", .client = (struct sockaddr *)&loopback};
    struct sender filter = {.client = (struct sockaddr *)&loopback, .front_end = &filtered};
    ck_assert(may(more, webmail, "a.nl") && !may(more, webmail, "b.nl"));
    ck_assert(may(more, filter, "a.nl") && may(more, filter, "b.nl"));
    filter.front_end = NULL;
    ck_assert(!may(more, filter, "a.nl"));
}
END_TEST

/* Where one domain is all there is, nobody can take another's. */
START_TEST(who_may_of_one)
{
    struct config *c = NULL;
    struct buf why = BUF_INIT;
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001), .sin_port = htons(40000)};
    const struct sender reinjected = {.client = (struct sockaddr *)&loopback};
    ck_assert_int_eq(config_parse("t", bytes_str(yaml), &c, &why), ZEGEL_OK);
    ck_assert(sender_may(c, &local, &c->domains[0]) && !sender_may(c, &stranger, &c->domains[0]));
    ck_assert(sender_may(c, &(const struct sender){.user = "x"}, &c->domains[0]));
    ck_assert(!sender_may(c, &(const struct sender){.user = "x@b.nl"}, &c->domains[0]));
    ck_assert(!sender_is_ours(c, &reinjected) && !sender_may(c, &reinjected, &c->domains[0])); /* by SMTP from loopback */
    char *networks[] = {(char *)(uintptr_t) "127.0.0.1"};
    const struct config_front_end filtered = {.trusted_networks = networks, .trusted_networks_count = 1}, other = {0};
    ck_assert(!sender_is_ours(c, &(const struct sender){.client = reinjected.client, .front_end = &other}));
    const struct sender behind = {.client = reinjected.client, .front_end = &filtered};
    ck_assert(sender_is_ours(c, &behind) && sender_may(c, &behind, &c->domains[0])); /* where the configuration says so */
    loopback.sin_addr.s_addr = htonl(0x7f000002);
    ck_assert(!sender_is_ours(c, &behind));
    config_free(c);
    /* a table with nothing in it is a table */
    struct buf text = BUF_INIT;
    buf_add_str(&text, yaml);
    buf_add_str(&text, "senders-table: /x\n");
    buf_add_u8(&text, '\0');
    ck_assert_msg(config_parse("t", buf_bytes(&text), &c, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    ck_assert(!sender_may(c, &local, &c->domains[0]));
    config_free(c);
    buf_free(&text);
    buf_free(&why);
}
END_TEST

START_TEST(defects)
{
    static const char *const bad[] = {
        "X: a\rb\r\n", "Su bject: x\r\n", ": x\r\n", "Subject: a\r\nSubject: b\r\n", "To: a@b\r\nTO: a@b\r\n", "\x01: x\r\n",
        NULL};
    for (const char *const *b = bad; *b != NULL; b++) {
        struct dkim_sign *m = message(*b);
        ck_assert_msg(policy_defect(&m->header) != NULL, "%s", *b);
        dkim_sign_free(m);
    }
    struct dkim_sign *m = message("From: a@example.nl\r\nReceived: x\r\nReceived: y\r\n");
    ck_assert_ptr_null(policy_defect(&m->header));
    dkim_sign_free(m);
}
END_TEST

START_TEST(too_many_fields)
{
    struct dkim_sign *m = dkim_sign_new();
    for (int i = 0; i < 10000; i++)
        header_add(&m->header, BYTES_LIT("X"), BYTES_LIT(" y"));
    ck_assert(m->header.defects & HEADER_TOO_MANY);
    ck_assert_uint_eq(m->header.count, DKIM_HEADER_FIELDS_MAX);
    struct config c = {0};
    ck_assert_int_eq(policy_judge(&c, &local, &m->header).verdict, POLICY_REJECT);
    dkim_sign_free(m);
}
END_TEST

static unsigned body_defects(const char *text, size_t len)
{
    unsigned all = 0;
    for (size_t step = 1; step <= len + 1; step++) {
        struct body_check c;
        body_check_init(&c);
        for (size_t at = 0; at < len; at += step)
            body_check_update(&c, bytes_slice(bytes_of(text, len), at, at + step));
        body_check_final(&c);
        ck_assert_msg(step == 1 || c.defects == all, "step %zu", step);
        all = c.defects;
    }
    return all;
}

START_TEST(body)
{
    char longest[1002];
    ck_assert_uint_eq(body_defects("a\r\nb\r\n", 6), BODY_OK);
    ck_assert_uint_eq(body_defects("a\nb\r\n", 5), BODY_BARE_LF);
    ck_assert_uint_eq(body_defects("a\rb\r\n", 5), BODY_BARE_CR);
    ck_assert_uint_eq(body_defects("a\r\r\n", 4), BODY_BARE_CR);
    ck_assert_uint_eq(body_defects("a\r", 2), BODY_BARE_CR);
    ck_assert_uint_eq(body_defects("\n", 1), BODY_BARE_LF);
    ck_assert_uint_eq(body_defects("a\0b\r\n", 5), BODY_NUL);
    ck_assert_uint_eq(body_defects("\xc3\xa9\r\n", 4), BODY_8BIT);
    memset(longest, 'x', sizeof longest);
    memcpy(longest + 998, "\r\n", 2);
    ck_assert_uint_eq(body_defects(longest, 1000), BODY_OK);
    memcpy(longest + 998, "x\r\n", 3);
    ck_assert_uint_eq(body_defects(longest, 1001), BODY_LONG_LINE);
}
END_TEST

UNIT_MAIN("policy", verdicts, who_may, who_may_by_the_network_of_a_socket, who_may_of_one, defects, too_many_fields, body)
