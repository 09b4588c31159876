#include "base/err.h"
#include "config/config.h"
#include "config/network.h"
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define TOKEN "tokens:\n  - name: t\n    module: /m.so\n    token: pkcs11:token=zegel\n    pin: file:/p\n"
#define DOMAIN(d) "  - domain: " d "\n    keys:\n      - selector: s1\n        algorithm: rsa-sha256\n"

#define FRONT_END(more)                                                                                                          \
    "domains:\n" DOMAIN("a.nl") "listen: ['inet:1@127.0.0.1']\nfront-ends:\n  - {listen: 'inet:1@127.0.0.1', " more "}\n"

static struct config *good(const char *yaml)
{
    struct buf why = BUF_INIT;
    struct config *c = NULL;
    ck_assert_msg(config_parse("test", bytes_str(yaml), &c, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
    return c;
}

START_TEST(defaults)
{
    struct config *c = good(TOKEN "domains:\n" DOMAIN("Example.NL"));
    ck_assert_str_eq(c->state, "/var/lib/zegel");
    ck_assert_int_eq(c->tokens[0].deadline_ms, 10000);
    ck_assert_int_eq(c->tokens[0].sessions_n, 0);
    ck_assert_int_eq(c->tokens[0].workers_n, 2);
    ck_assert_int_eq(c->tokens[0].profile, CONFIG_PROFILE_NETWORK);
    ck_assert_str_eq(c->domains[0].domain, "example.nl");
    ck_assert_str_eq(c->domains[0].keys[0].key, "pkcs11:token=zegel;object=example.nl/s1");
    ck_assert(c->domains[0].relaxed_header && c->domains[0].relaxed_body);
    ck_assert_int_eq(c->domains[0].on_failure, CONFIG_TEMPFAIL);
    config_free(c);
}
END_TEST

/* A key may name a token by either of its names. */
START_TEST(preferred)
{
    struct config *c = good(
        TOKEN "  - {name: u, module: /u.so, prefer: {module: /z.so, token: 'pkcs11:token=own'},\n"
              "     token: 'pkcs11:token=card', pin: prompt}\n"
              "domains:\n" DOMAIN("a.nl") "        key: pkcs11:token=own;id=%01\n"
                                          "      - {selector: s2, algorithm: ed25519-sha256, key: 'pkcs11:token=card;id=%03'}\n");
    ck_assert_ptr_null(c->tokens[0].prefer.module);
    ck_assert_str_eq(c->tokens[1].prefer.module, "/z.so");
    ck_assert_str_eq(c->tokens[1].module, "/u.so");
    ck_assert_uint_eq(c->domains[0].keys[0].token, 1);
    ck_assert_uint_eq(c->domains[0].keys[1].token, 1);
    config_free(c);
}
END_TEST

/* A second process where the token can serve two. */
START_TEST(workers)
{
    static const struct {
        const char *module, *pin, *more;
        unsigned workers;
    } all[] = {{"/usr/lib/libvendor.so", "file:/p", "", 2},
               {"/usr/lib/softhsm/libsofthsm2.so", "file:/p", "", 2},
               {"/usr/lib/opensc-pkcs11.so", "file:/p", "", 1},
               {"/usr/lib/opensc-pkcs11.so", "file:/p", "    workers: 3\n", 3},
               {"/usr/lib/opensc-pkcs11.so", "file:/p", "    profile: network\n", 2},
               {"/usr/lib/libvendor.so", "file:/p", "    profile: pcsc\n", 1},
               {"/usr/lib/libvendor.so", "pinpad", "    workers: auto\n", 1},
               {"/usr/lib/libvendor.so", "file:/p", "    workers: 1\n", 1}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct buf yaml = BUF_INIT;
        buf_addf(&yaml, "tokens:\n  - name: t\n    module: %s\n    token: pkcs11:token=zegel\n    pin: %s\n%s", all[i].module,
                 all[i].pin, all[i].more);
        struct config *c = good(buf_cstr(&yaml));
        ck_assert_msg(c->tokens[0].workers_n == all[i].workers, "%s: %u", buf_cstr(&yaml), c->tokens[0].workers_n);
        config_free(c);
        buf_free(&yaml);
    }
}
END_TEST

START_TEST(find_domain)
{
    struct config *c = good(TOKEN "domains:\n" DOMAIN("b.nl") DOMAIN("a.nl") "    subdomains: true\n" DOMAIN("x.a.nl"));
    ck_assert_str_eq(config_find_domain(c, BYTES_LIT("A.nl"))->domain, "a.nl");
    ck_assert_str_eq(config_find_domain(c, BYTES_LIT("deep.sub.a.nl"))->domain, "a.nl");
    ck_assert_str_eq(config_find_domain(c, BYTES_LIT("x.a.nl"))->domain, "x.a.nl");
    ck_assert_str_eq(config_find_domain(c, BYTES_LIT("y.x.a.nl"))->domain, "a.nl"); /* x.a.nl has no subdomains: its parent has */
    ck_assert_str_eq(config_find_domain(c, BYTES_LIT("b.nl"))->domain, "b.nl");
    ck_assert_ptr_null(config_find_domain(c, BYTES_LIT("sub.b.nl")));
    ck_assert_ptr_null(config_find_domain(c, BYTES_LIT("nota.nl")));
    ck_assert_ptr_null(config_find_domain(c, BYTES_LIT("nl")));
    ck_assert_ptr_null(config_find_domain(c, BYTES_LIT("")));
    config_free(c);
}
END_TEST

/* What is wrong, and a word that the message must have. */
static const struct {
    const char *yaml, *word;
} bad_ones[] = {
    {"", "empty"},
    {"tokens: [", "test:"},
    {"tokens: 5\n", "test:"},
    {TOKEN "nonsense: 1\n", "nonsense"},
    {TOKEN "check: {non-sending: [a..nl]}\n", "non-sending"},
    {TOKEN "check: {non-sending: [A.nl]}\ndomains:\n" DOMAIN("a.nl"), "sends mail"},
    {TOKEN "check: {explain: explain.yaml}\n", "absolute"},
    {TOKEN "    colour: red\n", "colour"},
    {"state: /x\n", "tokens"},
    {"state: relative\n" TOKEN, "state"},
    {"tokens:\n  - name: a b\n    module: /m\n    token: pkcs11:token=x\n    pin: prompt\n", "tokens.name"},
    {"tokens:\n  - name: a\n    module: m.so\n    token: pkcs11:token=x\n    pin: prompt\n", "tokens.module"},
    {"tokens:\n  - name: a\n    module: /m\n    token: zegel\n    pin: prompt\n", "tokens.token"},
    {"tokens:\n  - name: a\n    module: /m\n    token: pkcs11:token=x?pin-value=1234\n    pin: prompt\n", "tokens.token"},
    {"tokens:\n  - name: a\n    module: /m\n    token: pkcs11:token=x\n    pin: '1234'\n", "tokens.pin"},
    {TOKEN "    prefer: {module: z.so, token: 'pkcs11:token=z'}\n", "tokens.prefer.module"},
    {TOKEN "    prefer: {module: /z.so, token: z}\n", "tokens.prefer.token"},
    {TOKEN "    prefer: {module: /z.so, module-sha256: z, token: 'pkcs11:token=z'}\n", "tokens.prefer.module-sha256"},
    {TOKEN "    prefer: {module: /z.so}\n", "token"},
    {TOKEN "    sessions: many\n", "tokens.sessions"},
    {TOKEN "    sessions: 0\n", "tokens.sessions"},
    {TOKEN "    workers: 0\n", "tokens.workers"},
    {TOKEN "    workers: 5\n", "tokens.workers"},
    {TOKEN "    workers: 2 or 3\n", "tokens.workers"},
    {TOKEN "    deadline: 60s\n", "tokens.deadline"},
    {TOKEN "    deadline: soon\n", "tokens.deadline"},
    {TOKEN "listen:\n  - tcp:25\n", "listen"},
    {TOKEN "listen:\n  - inet:99999@127.0.0.1\n", "listen"},
    {TOKEN "trusted-networks: [10.0.0.1/8]\n", "trusted-networks"},
    {TOKEN "trusted-networks: [all]\n", "trusted-networks"},
    {TOKEN "domains:\n" DOMAIN("exam ple.nl"), "domains.domain"},
    {TOKEN "domains:\n" DOMAIN("a.nl") DOMAIN("A.NL"), "twice"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "      - selector: S1\n        algorithm: ed25519-sha256\n", "twice"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "        key: file:/etc/dkim.pem\n", "domains.keys.key"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "        key: pkcs11:token=other;object=a\n", "domains.keys.key"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "        key: pkcs11:token=zegel\n", "domains.keys.key"},
    {TOKEN "domains:\n  - domain: a.nl\n    keys:\n      - selector: s\n        algorithm: rsa-sha1\n", "test:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    canonicalization: nofws\n", "canonicalization"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    on-failure: accept\n", "test:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    expire: 5\n", "expire"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    subdomains: perhaps\n", "test:11: subdomains: Invalid ENUM value: perhaps"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    subdomains: 1\n", "test:11:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    subdomains: ''\n", "test:11:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    rotation: of course\n", "test:11:"},
    {TOKEN FRONT_END("verify: noo, authserv-id: mx.a.nl"), "noo"},
    {TOKEN "rotation: {approval: maybe}\n", "maybe"},
    {TOKEN "status: {run: nope}\n", "nope"},
    {TOKEN "status: {run: no, listen: ['unix:/run/x']}\n", "status.run: no"},
    {TOKEN "dns: {update: {server: 127.0.0.1, port: 53x, key: k, secret: 'file:/s'}}\n", "53x"},
    {TOKEN "dns: {update: {server: 127.0.0.1, port: 70000, key: k, secret: 'file:/s'}}\n", "port"},
    {TOKEN "dns: {update: {server: 127.0.0.1, port: -1, key: k, secret: 'file:/s'}}\n", "port"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    subdomains: no\n    subdomains: yes\n", "test:"},
    {TOKEN "state: /a\nstate: /b\n", "test:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    identity: x@b.nl\n", "identity"},
    {TOKEN FRONT_END("verify: yes"), "authserv-id"},
    {TOKEN FRONT_END("authserv-id: mx.a.nl"), "verify"},
    {TOKEN FRONT_END("verify: yes, authserv-id: 'mx;a'"), "authserv-id"},
    {TOKEN FRONT_END("verify: yes, authserv-id: mx.a.nl, domains: [a.nl]"), "signs nothing"},
    {TOKEN FRONT_END("verify: yes, authserv-id: mx.a.nl, trusted-networks: ['::1']"), "signs nothing"},
    {TOKEN FRONT_END("trusted-networks: [localhost]"), "front-ends.trusted-networks"},
    {TOKEN FRONT_END("trusted-networks: [127.0.0.1]") "senders:\n  - {network: 127.0.0.2, domains: [a.nl]}\n",
     "is not in trusted-networks"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: []\n", "test:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['']\n", "test:"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['+']\n", "no header field name"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['X Y']\n", "no header field name"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['X:Y']\n", "no header field name"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['X;b=']\n", "no header field name"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: [\"X\\u00e9\"]\n", "no header field name"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: [X-A, x-a]\n", "twice"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['+X-A', '-x-a']\n", "twice"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: [X-A, '+X-B']\n", "either all"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    sign-headers: ['+received']\n", "changes on the way"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    oversign-headers: [From, DKIM-Signature]\n", "changes on the way"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    oversign-present-headers: [Authentication-Results]\n", "changes on the way"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    oversign-headers: [To, Subject]\n", "must have From"},
    {TOKEN "domains:\n" DOMAIN("a.nl") "    oversign-headers: ['-from']\n", "must have From"},
};

START_TEST(bad)
{
    struct buf why = BUF_INIT;
    for (size_t i = 0; i < sizeof bad_ones / sizeof bad_ones[0]; i++) {
        struct config *c = NULL;
        buf_clear(&why);
        ck_assert_msg(config_parse("test", bytes_str(bad_ones[i].yaml), &c, &why) == ZEGEL_ERR_CONFIG, "%s", bad_ones[i].yaml);
        ck_assert_ptr_null(c);
        ck_assert_msg(strstr(buf_cstr(&why), bad_ones[i].word) != NULL, "%s: %s", bad_ones[i].word, buf_cstr(&why));
        ck_assert_msg(strchr(buf_cstr(&why), '\n') == NULL, "more than one line: %s", buf_cstr(&why));
    }
    buf_free(&why);
}
END_TEST

START_TEST(front_ends)
{
    config_free(good(TOKEN FRONT_END("trusted-networks: [127.0.0.0/8]") "senders:\n  - {network: 127.0.0.2, domains: [a.nl]}\n"));
    struct config *c = good(TOKEN FRONT_END("verify: yes, authserv-id: mx.a.nl"));
    ck_assert(config_verifies(c, "inet:1@127.0.0.1"));
    ck_assert(!config_verifies(c, "inet:2@127.0.0.1"));
    ck_assert(!config_front_end_may(c, "inet:1@127.0.0.1", "a.nl")); /* it verifies: it has nothing signed */
    ck_assert(config_front_end_may(c, "inet:2@127.0.0.1", "a.nl"));
    ck_assert_str_eq(config_find_front_end(c, "inet:1@127.0.0.1")->authserv_id, "mx.a.nl");
    config_free(c);
}
END_TEST

static struct select_policy headers_of(const char *more, struct config **c)
{
    struct buf yaml = BUF_INIT;
    buf_add_str(&yaml, TOKEN "domains:\n" DOMAIN("a.nl"));
    buf_add_str(&yaml, more);
    *c = good(buf_cstr(&yaml));
    buf_free(&yaml);
    return (*c)->domains[0].headers;
}

START_TEST(header_policy)
{
    struct config *c;
    struct select_policy p = headers_of("", &c);
    ck_assert(p.sign == select_default.sign && p.oversign == select_default.oversign);
    ck_assert(p.oversign_present == select_default.oversign_present);
    config_free(c);
    p = headers_of("    sign-headers: [X-One, Sender]\n    oversign-headers: [From]\n    oversign-present-headers: [X-Two]\n",
                   &c);
    ck_assert_str_eq(p.sign[0], "X-One");
    ck_assert(p.sign[2] == NULL && p.oversign[1] == NULL && p.oversign_present[1] == NULL);
    config_free(c);
    p = headers_of("    oversign-headers: ['-CC', '+X-Three', '+subject']\n    sign-headers: ['+Cc']\n", &c);
    ck_assert(!select_lists(p.oversign, BYTES_LIT("Cc")) && select_lists(p.oversign, BYTES_LIT("x-three")));
    ck_assert(select_lists(p.sign, BYTES_LIT("Cc")) && select_lists(p.sign, BYTES_LIT("Sender")));
    size_t n = 0, subjects = 0;
    for (; p.oversign[n] != NULL; n++)
        subjects += strcasecmp(p.oversign[n], "Subject") == 0;
    ck_assert_uint_eq(n, 9); /* one out, one in, one that was there */
    ck_assert_uint_eq(subjects, 1);
    config_free(c);
}
END_TEST

/* 64 names of 76 octets in each list. */
START_TEST(header_policy_bounds)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    for (int names = 26; names <= 27; names++) {
        buf_clear(&yaml);
        buf_add_str(&yaml, TOKEN "domains:\n" DOMAIN(
                               "a.nl") "    oversign-headers: [From]\n    oversign-present-headers: [X]\n    sign-headers: [");
        for (int i = 0; i < names; i++)
            buf_addf(&yaml, "X-%074d, ", i);
        buf_add_str(&yaml, "Y]\n");
        int err = config_parse("test", buf_bytes(&yaml), &c, &why);
        ck_assert_msg(err == (names == 26 ? ZEGEL_OK : ZEGEL_ERR_CONFIG), "%d: %s", names, buf_cstr(&why));
        if (err == ZEGEL_OK)
            config_free(c);
    }
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "2048"));
    buf_free(&yaml);
    buf_free(&why);
}
END_TEST

START_TEST(unreadable_file)
{
    struct buf why = BUF_INIT;
    struct config *c = NULL;
    ck_assert_int_eq(config_load("/nonexistent/zegel.yaml", &c, &why), ZEGEL_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "/nonexistent/zegel.yaml"));
    buf_clear(&why);
    ck_assert_int_eq(config_load("/tmp", &c, &why), ZEGEL_ERR_CONFIG);
    buf_free(&why);
}
END_TEST

static bool contains(const char *network, const char *address)
{
    struct network n;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    ck_assert_msg(network_parse(network, &n), "%s", network);
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        return network_contains(&n, (struct sockaddr *)&in);
    ck_assert_int_eq(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
    return network_contains(&n, (struct sockaddr *)&in6);
}

/* What config_read puts together: YAML, NUL, table. */
static int parse_with_table(const char *table, struct config **c, struct buf *why)
{
    static const char head[] = "tokens:\n  - {name: t, module: /m.so, token: 'pkcs11:token=z', pin: prompt}\n"
                               "senders-table: /etc/zegel/senders\n"
                               "domains:\n  - {domain: a.nl, keys: [{selector: s, algorithm: rsa-sha256}]}\n"
                               "  - {domain: b.nl, keys: [{selector: s, algorithm: rsa-sha256}]}\n";
    struct buf text = BUF_INIT;
    buf_add(&text, bytes_of(head, sizeof head)); /* with its NUL */
    buf_add_str(&text, table);
    buf_clear(why);
    int err = config_parse("test", buf_bytes(&text), c, why);
    buf_free(&text);
    return err;
}

START_TEST(senders_table)
{
    struct config *c = NULL;
    struct buf why = BUF_INIT;
    unsigned count;
    ck_assert_msg(parse_with_table("# who\n\n piet a.nl # him\n*@b.nl\tb.nl,a.nl\nPIET b.nl\nx?z a.nl\n"
                                   "envelope:*@A.nl a.nl\nnetwork:local *\nenvelope:p* b.nl",
                                   &c, &why) == ZEGEL_OK,
                  "%s", buf_cstr(&why));
    ck_assert_uint_eq(c->senders_count, 7);
    ck_assert_uint_eq(c->senders_by_envelope, 1);
    ck_assert_str_eq(config_find_senders(c, CONFIG_BY_ENVELOPE, "*@a.nl", &count)->envelope, "*@A.nl");
    ck_assert_uint_eq(count, 1);
    (void)config_find_senders(c, CONFIG_BY_USER, "*@a.nl", &count);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(c->senders_by_user, 3);
    (void)config_find_senders(c, CONFIG_BY_USER, "Piet", &count);
    ck_assert_uint_eq(count, 2);
    const struct config_sender *s = config_find_senders(c, CONFIG_BY_USER, "*@b.nl", &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(s->domains_count, 2);
    ck_assert_str_eq(s->domains[1], "a.nl");
    (void)config_find_senders(c, CONFIG_BY_USER, "nobody", &count);
    ck_assert_uint_eq(count, 0);
    config_free(c);
    static const char *const bad_tables[] = {
        "piet\n", "piet c.nl\n", "piet a.nl b.nl\n", "piet a.nl,,b.nl\n", "network:192.0.2.1 a.nl\n", "network:x a.nl\n", NULL};
    for (const char *const *b = bad_tables; *b != NULL; b++)
        ck_assert_msg(parse_with_table(*b, &c, &why) == ZEGEL_ERR_CONFIG && why.len > 0, "%s", *b);
    /* a table that nobody read, and one that nobody named */
    ck_assert_int_eq(config_parse("t", BYTES_LIT("tokens: []\nsenders-table: /x\n"), &c, &why), ZEGEL_ERR_CONFIG);
    ck_assert_int_eq(config_parse("t", BYTES_LIT("state: /x\n\0piet a.nl\n"), &c, &why), ZEGEL_ERR_CONFIG);
    buf_free(&why);
}
END_TEST

#define ROTATES TOKEN "dns: {update: {server: 127.0.0.1, key: k, secret: 'file:/s'}}\n"
#define ROTATING(d) "  - domain: " d "\n    rotation: yes\n"

/* YAML, NUL, active.yaml. */
static int parse_with_active(const char *yaml, const char *active, struct config **c, struct buf *why)
{
    struct buf text = BUF_INIT;
    buf_add(&text, bytes_of(yaml, strlen(yaml) + 1));
    buf_add_str(&text, active);
    buf_clear(why);
    int err = config_parse("test", buf_bytes(&text), c, why);
    buf_free(&text);
    return err;
}

START_TEST(active_keys)
{
    static const char yaml[] = ROTATES "rotation: {active: 90d, keys: [rsa3072, ed25519]}\ndomains:\n" DOMAIN("c.nl")
        ROTATING("a.nl") ROTATING("b.nl") "    rotation-policy: {active: 30d, publish: manual, keys: [ed25519]}\n";
    static const char active[] = "- domain: a.nl\n  keys:\n  - {selector: s1, algorithm: rsa-sha256, key: "
                                 "'pkcs11:token=zegel;id=%01;object=a.nl/s1'}\n- domain: gone.nl\n  keys: [{selector: x, "
                                 "algorithm: rsa-sha256}]\n- domain: c.nl\n  keys: [{selector: x, algorithm: rsa-sha256}]\n";
    struct config *c = NULL;
    struct buf why = BUF_INIT;
    ck_assert_msg(parse_with_active(yaml, active, &c, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    const struct config_domain *d = config_find_domain(c, BYTES_LIT("a.nl"));
    ck_assert_uint_eq(d->keys_count, 1);
    ck_assert_str_eq(d->keys[0].selector, "s1");
    ck_assert_int_eq(d->rotates->seconds[ROTATION_ACTIVE], 90 * 86400);
    ck_assert_int_eq(d->rotates->seconds[ROTATION_DESTROY], 72 * 3600);
    ck_assert_str_eq(d->rotates->keys[0], "rsa3072");
    ck_assert_int_eq(d->rotates->publish, CONFIG_PUBLISH_UPDATE);
    d = config_find_domain(c, BYTES_LIT("b.nl"));
    ck_assert_uint_eq(d->keys_count, 0);
    ck_assert_int_eq(d->rotates->seconds[ROTATION_ACTIVE], 30 * 86400);
    ck_assert_uint_eq(d->rotates->keys_count, 1);
    ck_assert_int_eq(d->rotates->publish, CONFIG_PUBLISH_MANUAL);
    d = config_find_domain(c, BYTES_LIT("c.nl")); /* has keys of its own: active.yaml has no say */
    ck_assert_str_eq(d->keys[0].selector, "s1");
    config_free(c);
    /* its own keys sign until a generation does */
    static const char own[] = ROTATES "domains:\n" DOMAIN("a.nl") "    rotation: yes\n";
    ck_assert_int_eq(parse_with_active(own, "", &c, &why), ZEGEL_OK);
    ck_assert_str_eq(c->domains[0].keys[0].selector, "s1");
    config_free(c);
    ck_assert_int_eq(parse_with_active(own, "- {domain: a.nl, keys: [{selector: new, algorithm: rsa-sha256}]}\n", &c, &why),
                     ZEGEL_OK);
    ck_assert_uint_eq(c->domains[0].keys_count, 1);
    ck_assert_str_eq(c->domains[0].keys[0].selector, "new");
    config_free(c);
    static const char *const bad_actives[] = {
        "nonsense\n",
        "- domain: a.nl\n",
        "- {domain: a.nl, keys: [{selector: s, algorithm: rsa-sha1}]}\n",
        "- {domain: a.nl, keys: [{selector: s, algorithm: rsa-sha256, key: 'file:/x'}]}\n",
        "- {domain: a.nl, keys: [{selector: s, algorithm: rsa-sha256, key: 'pkcs11:token=other;object=x'}]}\n",
        NULL};
    for (const char *const *b = bad_actives; *b != NULL; b++)
        ck_assert_msg(parse_with_active(yaml, *b, &c, &why) == ZEGEL_ERR_CONFIG && why.len > 0, "%s", *b);
    ck_assert_int_eq(config_parse("t", bytes_str(yaml), &c, &why), ZEGEL_ERR_CONFIG); /* nobody read it */
    buf_free(&why);
}
END_TEST

START_TEST(bad_rotations)
{
    static const struct {
        const char *policy, *word;
    } rows[] = {{"active: 13d", "rotation.active"},
                {"active: 367d", "rotation.active"},
                {"active: long", "rotation.active"},
                {"revoke: 7d", "rotation.revoke"},
                {"visible: 23h", "rotation.visible"},
                {"settle: 59m", "rotation.settle"},
                {"sample: 14m", "rotation.sample"},
                {"unused: 59m", "rotation.unused"},
                {"destroy: 59m", "rotation.destroy"},
                {"keys: [rsa1024]", "rotation.keys"},
                {"keys: [rsa2048, rsa4096]", "rotation.keys"},
                {"token: other", "rotation.token"},
                {"publish: exec", "rotation.exec"},
                {"{publish: exec, exec: prog}", "rotation.exec"},
                {"publish: mail", "test:"},
                {"trust: t.pem", "rotation.trust"},
                {"colour: red", "colour"}};
    struct buf why = BUF_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf yaml = BUF_INIT;
        struct config *c = NULL;
        const char *open = rows[i].policy[0] == '{' ? "" : "{", *close = open[0] == '\0' ? "" : "}";
        buf_addf(&yaml, ROTATES "rotation: %s%s%s\ndomains:\n" ROTATING("a.nl"), open, rows[i].policy, close);
        ck_assert_msg(parse_with_active(buf_cstr(&yaml), "", &c, &why) == ZEGEL_ERR_CONFIG, "%s", rows[i].policy);
        ck_assert_msg(strstr(buf_cstr(&why), rows[i].word) != NULL, "%s: %s", rows[i].word, buf_cstr(&why));
        buf_free(&yaml);
    }
    struct config *c = NULL;
    ck_assert_int_eq(parse_with_active(TOKEN "domains:\n" ROTATING("a.nl"), "", &c, &why), ZEGEL_ERR_CONFIG); /* no dns.update */
    static const char own[] =
        TOKEN "nodes: [mx2, mx3.a.nl]\ndomains:\n" ROTATING("a.nl") "    update: {server: %s, key: k, secret: %s}\n";
    static const struct {
        const char *server, *secret;
        int err;
    } updates[] = {{"192.0.2.1", "file:/s", ZEGEL_OK},
                   {"ns.a.nl", "file:/s", ZEGEL_ERR_CONFIG},
                   {"192.0.2.1", "c2VjcmV0", ZEGEL_ERR_CONFIG}};
    for (size_t i = 0; i < sizeof updates / sizeof updates[0]; i++) {
        struct buf yaml = BUF_INIT;
        c = NULL;
        buf_addf(&yaml, own, updates[i].server, updates[i].secret);
        ck_assert_int_eq(parse_with_active(buf_cstr(&yaml), "", &c, &why), updates[i].err);
        ck_assert(i != 0 || (c->nodes_count == 2 && strcmp(c->domains[0].update->server, "192.0.2.1") == 0));
        ck_assert(strstr(buf_cstr(&why), "c2VjcmV0") == NULL); /* whatever stands there may be the secret itself */
        config_free(c);
        buf_free(&yaml);
    }
    static const char *const nodes[] = {"[../x]", "[a/b]", "['']", "[mx2, mx2]", "[.]"};
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        struct buf yaml = BUF_INIT;
        c = NULL;
        buf_addf(&yaml, TOKEN "nodes: %s\ndomains:\n" DOMAIN("a.nl"), nodes[i]);
        ck_assert_msg(parse_with_active(buf_cstr(&yaml), "", &c, &why) == ZEGEL_ERR_CONFIG, "%s", nodes[i]);
        buf_free(&yaml);
    }
    ck_assert_int_eq(config_parse("t", BYTES_LIT(TOKEN "domains:\n  - domain: a.nl\n"), &c, &why), ZEGEL_ERR_CONFIG);
    buf_free(&why);
}
END_TEST

START_TEST(networks)
{
    ck_assert(contains("127.0.0.0/8", "127.1.2.3"));
    ck_assert(!contains("127.0.0.0/8", "128.0.0.1"));
    ck_assert(contains("192.0.2.128/25", "192.0.2.255"));
    ck_assert(!contains("192.0.2.128/25", "192.0.2.127"));
    ck_assert(contains("192.0.2.1", "192.0.2.1"));
    ck_assert(contains("0.0.0.0/0", "8.8.8.8"));
    ck_assert(!contains("0.0.0.0/0", "2001:db8::1"));
    ck_assert(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
    ck_assert(contains("2001:db8::/33", "2001:db8:7fff::1"));
    ck_assert(!contains("2001:db8::/33", "2001:db8:8000::1"));
    struct network n;
    ck_assert(!network_parse("192.0.2.1/24", &n) && !network_parse("192.0.2.0/33", &n) && !network_parse("192.0.2.0/", &n));
    ck_assert(!network_contains(&n, NULL));
}
END_TEST

START_TEST(durations)
{
    ck_assert_int_eq(config_duration_ms("500ms"), 500);
    ck_assert_int_eq(config_duration_ms("10s"), 10000);
    ck_assert_int_eq(config_duration_ms("7d"), 604800000);
    ck_assert_int_eq(config_duration_ms("10"), -1);
    ck_assert_int_eq(config_duration_ms("s"), -1);
    ck_assert_int_eq(config_duration_ms("-1s"), -1);
    ck_assert_int_eq(config_duration_ms("1s "), -1);
}
END_TEST

UNIT_MAIN("config", defaults, preferred, workers, find_domain, bad, header_policy, header_policy_bounds, unreadable_file,
          front_ends, senders_table, active_keys, bad_rotations, networks, durations)
