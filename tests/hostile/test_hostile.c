/* Every line of tests/hostile/cases.txt gives what stands behind it. */
#include <stdio.h>

#include "base/err.h"
#include "dkim/authserv.h"
#include "dkim/domain.h"
#include "dkim/from.h"
#include "dkim/survive.h"
#include "forge.h"
#include "milter/policy.h"

enum { FIELDS = 4 };

/* In place: \r \n \t \\ \xHH. Returns the length. */
static size_t unescape(char *s)
{
    char *out = s, *begin = s;
    for (; *s != '\0'; s++) {
        if (*s != '\\' || s[1] == '\0') {
            *out++ = *s;
        } else if (*++s == 'x') {
            const char hex[3] = {s[1], s[2], '\0'};
            *out++ = (char)strtoul(hex, NULL, 16);
            s += 2;
        } else {
            *out++ = (char)(*s == 'r' ? '\r' : *s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
        }
    }
    return (size_t)(out - begin);
}

static const char *give_from(struct bytes in)
{
    static char domain[256];
    struct bytes d;
    switch (from_domain(in, &d)) {
    case FROM_MALFORMED: return "malformed";
    case FROM_AMBIGUOUS: return "ambiguous";
    case FROM_OK: break;
    }
    (void)snprintf(domain, sizeof domain, "%.*s", (int)d.len, (const char *)d.data);
    return domain;
}

static const char *give_mail(struct bytes in)
{
    static const char yaml[] = "tokens:\n  - {name: t, module: /m.so, token: 'pkcs11:token=z', pin: prompt}\n"
                               "domains:\n  - domain: example.nl\n    keys:\n      - {selector: s, algorithm: rsa-sha256}\n";
    static struct config *c;
    static struct dkim_sign *m;
    struct buf why = BUF_INIT;
    if (c == NULL)
        ck_assert_int_eq(config_parse("t", bytes_str(yaml), &c, &why), ZEGEL_OK);
    if (m == NULL)
        m = dkim_sign_new();
    dkim_sign_start(m);
    size_t body = header_parse(&m->header, in);
    dkim_sign_body_start(m, true, true);
    dkim_sign_body(m, bytes_slice(in, body, in.len));
    ck_assert(dkim_sign_body_end(m));
    const struct sender local = {.local = true};
    struct policy_answer a = policy_judge(c, &local, &m->header);
    const char *defect = policy_defect(&m->header);
    struct survive_risk risks[SURVIVE_RISKS_MAX];
    if (a.verdict != POLICY_SIGN || defect != NULL)
        return a.verdict != POLICY_SIGN ? a.reason : defect;
    return survive_risks(m, &a.domain->headers, true, risks) > 0 ? risks[0].what : "sign";
}

static const char *give_signature(struct bytes in)
{
    struct sigheader s;
    return sigheader_strerror(sigheader_parse(in, &s));
}

static const char *give_key(struct bytes in, enum dkim_algorithm algorithm)
{
    const struct sigheader sig = {.algorithm = algorithm, .domain = BYTES_LIT("example.nl")};
    struct buf text = BUF_INIT, record = BUF_INIT;
    struct keyrecord k;
    buf_add(&text, in);
    if (bytes_find(in, '\0') < in.len)
        buf_add(&record, in); /* nothing behind a NUL is replaced */
    else
        forge_record(buf_cstr(&text), &record);
    const char *e = keyrecord_strerror(keyrecord_parse(buf_bytes(&record), &sig, &k));
    digest_key_free(k.key);
    buf_free(&text);
    buf_free(&record);
    return e;
}

static const char *give_authserv(struct bytes in)
{
    static const char *const names[] = {"other", "ours", "unreadable"};
    return names[authserv_of(in, BYTES_LIT("mx.example.nl"))];
}

/* The last result of a whole message: "RESULT REASON". */
static const char *give_raw(struct bytes in)
{
    static char text[256];
    struct verification v[VERIFY_RESULTS_MAX];
    size_t n = forge_verify(in, forge_zone_default, v);
    if (n == 0)
        return "none";
    (void)snprintf(text, sizeof text, "%s %s", verify_result_name(v[n - 1].result), v[n - 1].reason);
    return text;
}

/* "TAGS ~ MESSAGE" or "TAGS ~ MESSAGE ~ WHAT ARRIVES OF IT". */
static const char *give_verify(struct bytes in)
{
    struct buf tags = BUF_INIT, whole = BUF_INIT;
    const uint8_t *at = memmem(in.data, in.len, " ~ ", 3);
    ck_assert_ptr_nonnull(at);
    buf_add(&tags, bytes_slice(in, 0, (size_t)(at - in.data)));
    struct bytes message = bytes_slice(in, (size_t)(at - in.data) + 3, in.len), arrives = message;
    if ((at = memmem(message.data, message.len, " ~ ", 3)) != NULL) {
        arrives = bytes_slice(message, (size_t)(at - message.data) + 3, message.len);
        message = bytes_slice(message, 0, (size_t)(at - message.data));
    }
    const char *t = buf_cstr(&tags);
    forge_sign(message, t,
               forge_says(t, "s=short")            ? FORGE_RSA512
               : forge_says(t, "s=weak")           ? FORGE_RSA1024
               : forge_says(t, "a=ed25519-sha256") ? FORGE_ED
                                                   : FORGE_RSA2048,
               &whole);
    buf_add(&whole, arrives);
    const char *got = give_raw(buf_bytes(&whole));
    buf_free(&tags);
    buf_free(&whole);
    return got;
}

static const char *give(const char *kind, struct bytes in)
{
    static uint8_t room[4096];
    struct out o = out_of(room, sizeof room);
    struct taglist t;
    if (strcmp(kind, "from") == 0)
        return give_from(in);
    if (strcmp(kind, "mail") == 0)
        return give_mail(in);
    if (strcmp(kind, "tags") == 0)
        return taglist_parse(in, &t) ? "ok" : "bad";
    if (strcmp(kind, "base64") == 0)
        return base64_decode(in, &o) ? "ok" : "bad";
    if (strcmp(kind, "signature") == 0)
        return give_signature(in);
    if (strcmp(kind, "key-rsa") == 0 || strcmp(kind, "key-ed25519") == 0)
        return give_key(in, strcmp(kind, "key-rsa") == 0 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256);
    if (strcmp(kind, "authserv") == 0)
        return give_authserv(in);
    if (strcmp(kind, "raw") == 0)
        return give_raw(in);
    if (strcmp(kind, "verify") == 0)
        return give_verify(in);
    ck_assert_str_eq(kind, "name");
    return domain_is_valid(in) ? "ascii" : domain_is_international(in) ? "international" : "bad";
}

/* "KIND | WHAT | INPUT | WANT": false for a comment. */
static bool split(char *line, char *fields[FIELDS])
{
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '#' || line[0] == '\0')
        return false;
    for (int i = 0; i < FIELDS; i++) {
        char *bar = strstr(line, " | ");
        fields[i] = line;
        ck_assert_msg((bar != NULL) == (i < FIELDS - 1), "%s", line);
        if (bar != NULL) {
            *bar = '\0';
            line = bar + 3;
        }
    }
    return true;
}

/* Of "mail" a part of the refusal is enough; of "verify" and "raw" the result is whole, and of the reason a part. */
static bool is_wanted(const char *kind, const char *got, const char *want)
{
    if (strcmp(kind, "mail") == 0)
        return strstr(got, want) != NULL;
    if (strcmp(kind, "verify") != 0 && strcmp(kind, "raw") != 0)
        return strcmp(got, want) == 0;
    size_t word = strcspn(want, " ");
    const char *reason = want + word + (want[word] == ' ');
    return strncmp(got, want, word) == 0 && (got[word] == ' ' || got[word] == '\0') &&
           (*reason == '\0' ? got[word] == '\0' || got[word + 1] == '\0' : strstr(got + word, reason) != NULL);
}

START_TEST(cases)
{
    char line[4096], *f[FIELDS];
    unsigned count = 0, wrong = 0;
    FILE *in = fopen("tests/hostile/cases.txt", "re");
    ck_assert_ptr_nonnull(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (!split(line, f))
            continue;
        size_t len = unescape(f[2]);
        const char *got = give(f[0], bytes_of(f[2], len));
        if (!is_wanted(f[0], got, f[3])) {
            (void)printf("%s: %s: wanted %s, got %s\n", f[0], f[1], f[3], got);
            wrong++;
        }
        count++;
    }
    (void)fclose(in);
    (void)printf("%u hostile inputs\n", count);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_ge(count, 400);
}
END_TEST

UNIT_MAIN("hostile", cases)
