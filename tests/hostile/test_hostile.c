/* Every line of tests/hostile/cases.txt gives what stands behind it. */
#include <stdio.h>

#include "base/err.h"
#include "dkim/base64.h"
#include "dkim/domain.h"
#include "dkim/from.h"
#include "dkim/survive.h"
#include "milter/policy.h"
#include "unit.h"

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

START_TEST(cases)
{
    char line[2048], *f[FIELDS];
    unsigned count = 0;
    FILE *in = fopen("tests/hostile/cases.txt", "re");
    ck_assert_ptr_nonnull(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (!split(line, f))
            continue;
        size_t len = unescape(f[2]);
        const char *got = give(f[0], bytes_of(f[2], len));
        bool exact = strcmp(f[0], "mail") != 0;
        ck_assert_msg(exact ? strcmp(got, f[3]) == 0 : strstr(got, f[3]) != NULL, "%s: %s: got %s", f[0], f[1], got);
        count++;
    }
    (void)fclose(in);
    (void)printf("%u hostile inputs\n", count);
    ck_assert_uint_gt(count, 100);
}
END_TEST

UNIT_MAIN("hostile", cases)
