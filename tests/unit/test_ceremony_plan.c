/* Canonical JSON by the vectors of RFC 8785, and plans: strict, compiled the same from both forms, every policy rule broken once.
 */
#include "ceremony.h"
#include "unit.h"

static void canon_is(const char *in, const char *out)
{
    struct buf got = BUF_INIT;
    json_t *j = json_loads(in, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(j);
    ck_assert(canon_json(j, &got));
    ck_assert_str_eq(buf_cstr(&got), out);
    json_decref(j);
    buf_free(&got);
}

START_TEST(rfc8785_vectors)
{
    /* §3.2.2, §3.2.3, with the euro sign and the control characters */
    canon_is("{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"
             "\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\"literals\":[null,true,false]}",
             "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
             "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    /* §3.2.3: by UTF-16 code units, so U+1F600 comes before U+FB33 */
    canon_is("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}",
             "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\uFB33\":3}");
}
END_TEST

/* Appendix B */
START_TEST(rfc8785_numbers)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } v[] = {{0x0000000000000000, "0"},
             {0x8000000000000000, "0"},
             {0x0000000000000001, "5e-324"},
             {0x8000000000000001, "-5e-324"},
             {0x7fefffffffffffff, "1.7976931348623157e+308"},
             {0xffefffffffffffff, "-1.7976931348623157e+308"},
             {0x4340000000000000, "9007199254740992"},
             {0xc340000000000000, "-9007199254740992"},
             {0x4430000000000000, "295147905179352830000"},
             {0x44b52d02c7e14af5, "9.999999999999997e+22"},
             {0x44b52d02c7e14af6, "1e+23"},
             {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
             {0x444b1ae4d6e2ef4e, "999999999999999700000"},
             {0x444b1ae4d6e2ef4f, "999999999999999900000"},
             {0x444b1ae4d6e2ef50, "1e+21"},
             {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
             {0x3eb0c6f7a0b5ed8d, "0.000001"},
             {0x41b3de4355555553, "333333333.3333332"},
             {0x41b3de4355555554, "333333333.33333325"},
             {0x41b3de4355555555, "333333333.3333333"},
             {0x41b3de4355555556, "333333333.3333334"},
             {0x41b3de4355555557, "333333333.33333343"},
             {0xbecbf647612f3696, "-0.0000033333333333333333"},
             {0x43143ff3c1cb0959, "1424953923781206.2"}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct buf got = BUF_INIT;
        double d;
        memcpy(&d, &v[i].bits, sizeof d);
        json_t *j = json_real(d);
        ck_assert(canon_json(j, &got));
        ck_assert_str_eq(buf_cstr(&got), v[i].text);
        json_decref(j);
        buf_free(&got);
    }
}
END_TEST

START_TEST(only_the_canonical_form)
{
    static const char *const bad[] = {
        "{\"b\":1,\"a\":2}",   "{\"a\": 1}", "{\"a\":1}\n", "{\"a\":1,\"a\":1}", "{\"a\":1.0}", "{\"a\":9007199254740993}",
        "{\"a\":\"\\u0041\"}", "",           "{",           "{\"a\":\"\xff\"}"};
    struct buf why = BUF_INIT;
    json_t *j = canon_parse("t", BYTES_LIT("{\"a\":[1,-2,\"x\"]}"), &why);
    ck_assert_ptr_nonnull(j);
    json_decref(j);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(canon_parse("t", bytes_str(bad[i]), &why) == NULL, "%s", bad[i]);
    buf_free(&why);
}
END_TEST

START_TEST(times)
{
    char text[21];
    ck_assert_int_eq(plan_time("1970-01-01T00:01:00Z"), 60);
    plan_time_text(60, text);
    ck_assert_str_eq(text, "1970-01-01T00:01:00Z");
    ck_assert_int_eq(plan_time("2026-02-31T00:00:00Z"), -1);
    ck_assert_int_eq(plan_time("2026-02-01T00:00:00+01:00"), -1);
    ck_assert_int_eq(plan_time("2026-02-01 00:00:00Z"), -1);
    ck_assert_int_eq(plan_time(""), -1);
}
END_TEST

static EVP_PKEY *keys[7];
static struct buf yaml;

static void setup(void)
{
    for (int i = 0; i < 7; i++)
        keys[i] = test_key();
    yaml = BUF_INIT;
    test_plan_yaml(keys, &yaml);
}

static void teardown(void)
{
    for (int i = 0; i < 7; i++)
        EVP_PKEY_free(keys[i]);
    buf_free(&yaml);
}

START_TEST(both_forms_compile_to_the_same)
{
    struct buf json = BUF_INIT, again = BUF_INIT, why = BUF_INIT;
    setup();
    struct plan *p = test_plan(buf_bytes(&yaml));
    ck_assert_msg(plan_lint(p, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    ck_assert_int_eq(plan_compile(p, &json), ZEGEL_OK);
    json_t *j = canon_parse("plan.json", buf_bytes(&json), &why);
    ck_assert_ptr_nonnull(j);
    json_decref(j);
    struct plan *q = test_plan(buf_bytes(&json));
    ck_assert_int_eq(plan_compile(q, &again), ZEGEL_OK);
    ck_assert(bytes_eq(buf_bytes(&json), buf_bytes(&again)));
    plan_free(p);
    plan_free(q);
    buf_free(&json);
    buf_free(&again);
    buf_free(&why);
    teardown();
}
END_TEST

START_TEST(strict)
{
    static const char *const bad[] = {"pin: 1234\n", "colour: red\n"};
    struct buf why = BUF_INIT;
    struct plan *p;
    setup();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf more = BUF_INIT;
        buf_add(&more, buf_bytes(&yaml));
        buf_add_str(&more, bad[i]);
        ck_assert_int_eq(plan_parse("plan.yaml", buf_bytes(&more), &p, &why), ZEGEL_ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "plan.yaml:"));
        buf_free(&more);
        buf_clear(&why);
    }
    for (size_t cut = 0; cut < yaml.len; cut += 97) /* something is always missing */
        if (plan_parse("plan.yaml", bytes_slice(buf_bytes(&yaml), 0, cut), &p, &why) == ZEGEL_OK) {
            ck_assert_int_ne(plan_lint(p, &why), ZEGEL_OK);
            plan_free(p);
        }
    buf_free(&why);
    teardown();
}
END_TEST

/* Swap one piece of the plan's text; the rule that must notice. */
static void breaks(const char *rule, const char *from, const char *to)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    struct plan *p;
    const char *all = buf_cstr(&yaml), *at = strstr(all, from);
    ck_assert_msg(at != NULL, "%s", from);
    buf_add(&text, bytes_of(all, (size_t)(at - all)));
    buf_add_str(&text, to);
    buf_add_str(&text, at + strlen(from));
    ck_assert_msg(plan_parse("plan.yaml", buf_bytes(&text), &p, &why) == ZEGEL_OK, "%s: %s", rule, buf_cstr(&why));
    ck_assert_int_eq(plan_lint(p, &why), ZEGEL_ERR_REFUSED);
    ck_assert_msg(strncmp(buf_cstr(&why), rule, 3) == 0, "%s, not %s", buf_cstr(&why), rule);
    plan_free(p);
    buf_free(&text);
    buf_free(&why);
}

START_TEST(every_rule)
{
    setup();
    breaks("P01", "zegel-ceremony-1", "zegel-ceremony-0");
    breaks("P02", "serial: 1", "serial: 0");
    breaks("P03", "nonce: 0", "nonce: A");
    breaks("P04", "not-before: 20", "not-before: 30");
    breaks("P04", "not-before: 20", "not-before: 19");
    breaks("P05", "domain: example.nl", "domain: Example.nl");
    breaks("P05", "selector: z1", "selector: \"z 1\"");
    breaks("P05", "algorithm: ed25519}", "algorithm: ed25519}\n  - {domain: example.nl, selector: z1, algorithm: rsa2048}");
    breaks("P06", "algorithm: ed25519}", "algorithm: ed25519, spki-sha256: " TEST_HASH "}");
    breaks("P06", "action: generate", "action: destroy");
    breaks("P07", "CKA_EXTRACTABLE: false", "CKA_EXTRACTABLE: true");
    breaks("P07", "CKA_DECRYPT: false", "CKA_DECRYPT: true");
    breaks("P08", "threshold: 2", "threshold: 1");
    breaks("P08", "threshold: 2", "threshold: 4");
    breaks("P09", "name: dave", "name: alice"); /* administrator and custodian */
    breaks("P09", "name: erin", "name: bob");
    breaks("P09", "name: bob", "name: ../bob");
    breaks("P10", "-----BEGIN", "-----BEGUN");
    breaks("P12", "tool-sha256: 0", "tool-sha256: x");
    breaks("P13", "/usr/lib/x.so", "x.so");
    breaks("P14", "rule: none", "rule: wrap"); /* onto no token */
    breaks("P15", "publish-wait: 24h", "publish-wait: 1h");
    breaks("P15", "retired-keep: 14d", "retired-keep: 7d");
    teardown();
}
END_TEST

START_TEST(one_card_for_two_people)
{
    struct buf why = BUF_INIT;
    setup();
    for (int other = 1; other < 6; other++) {
        EVP_PKEY *own = keys[other];
        buf_clear(&yaml);
        buf_clear(&why);
        keys[other] = keys[0];
        test_plan_yaml(keys, &yaml);
        struct plan *p = test_plan(buf_bytes(&yaml));
        ck_assert_int_eq(plan_lint(p, &why), ZEGEL_ERR_REFUSED);
        ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "P11"));
        plan_free(p);
        keys[other] = own;
    }
    buf_free(&why);
    teardown();
}
END_TEST

UNIT_MAIN("ceremony_plan", rfc8785_vectors, rfc8785_numbers, only_the_canonical_form, times, both_forms_compile_to_the_same,
          strict, every_rule, one_card_for_two_people)
