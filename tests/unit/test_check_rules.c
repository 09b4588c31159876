/* The parsers of zegel check, its languages, and what its page makes of hostile text. */
#include "check/dmarc.h"
#include "check/report.h"

#include "html/html.h"
#include "check/spf.h"
#include "unit.h"

#include <string.h>

static enum spf_error spf(const char *text)
{
    static struct spf s;
    return spf_parse(bytes_str(text), &s);
}

/* RFC 7208 §12 */
START_TEST(spf_grammar)
{
    static const char *const good[] = {"v=spf1",
                                       "v=spf1 -all",
                                       "V=SPF1 A:b.nl/24//64 ?mx/32 -ALL",
                                       "v=spf1  a  ",
                                       "v=spf1 exists:%{ir}.%{v}.x.nl",
                                       "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1/64 ip6:::1",
                                       "v=spf1 exp=e.%{d} redirect=%{d2r-}",
                                       "v=spf1 x-y.z=%{c}%%",
                                       "v=spf1 include:_spf.b-c.nl. ptr ptr:b.nl",
                                       "v=spf1 a//0",
                                       "v=spf1 a:%{d}/1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(spf(good[i]) == SPF_OK, "%s: %s", good[i], spf_strerror(spf(good[i])));
    ck_assert_int_eq(spf("v=spf10 -all"), SPF_NONE);
    ck_assert_int_eq(spf("v=spf"), SPF_NONE);
    ck_assert_int_eq(spf(""), SPF_NONE);
    ck_assert_int_eq(spf("v=spf1 alll"), SPF_TERM);
    ck_assert_int_eq(spf("v=spf1 +"), SPF_TERM);
    ck_assert_int_eq(spf("v=spf1 all:b.nl"), SPF_VALUE);
    ck_assert_int_eq(spf("v=spf1 include"), SPF_VALUE);
    ck_assert_int_eq(spf("v=spf1 include:"), SPF_DOMAIN);
    ck_assert_int_eq(spf("v=spf1 include:nl"), SPF_DOMAIN);
    ck_assert_int_eq(spf("v=spf1 include:a.123"), SPF_DOMAIN);
    ck_assert_int_eq(spf("v=spf1 include:a.-b"), SPF_DOMAIN);
    ck_assert_int_eq(spf("v=spf1 exists:%{z}.nl"), SPF_DOMAIN);
    ck_assert_int_eq(spf("v=spf1 exists:%{d.nl"), SPF_DOMAIN);
    ck_assert_int_eq(spf("v=spf1 exists:%{t}.nl"), SPF_DOMAIN); /* §7.2: in exp only */
    ck_assert_int_eq(spf("v=spf1 ip4:1.2.3"), SPF_NETWORK);
    ck_assert_int_eq(spf("v=spf1 ip4:1.2.3.4/33"), SPF_LENGTH);
    ck_assert_int_eq(spf("v=spf1 ip4:1.2.3.4/01"), SPF_LENGTH);
    ck_assert_int_eq(spf("v=spf1 a/24/32"), SPF_VALUE);
    ck_assert_int_eq(spf("v=spf1 a//129"), SPF_LENGTH);
    ck_assert_int_eq(spf("v=spf1 redirect=a.nl redirect=b.nl"), SPF_TWICE);
    char many[6 + 2 * (SPF_TERMS_MAX + 1) + 1] = "v=spf1";
    for (size_t i = 6; i + 1 < sizeof many; i += 2) {
        many[i] = ' ';
        many[i + 1] = 'a';
    }
    ck_assert_int_eq(spf(many), SPF_MANY);
}
END_TEST

/* RFC 9989 §4.7, §4.8 */
START_TEST(dmarc_record)
{
    struct dmarc d;
    ck_assert(dmarc_parse(bytes_str("v = DMARC1 ; P = Reject;sp=quarantine; np=none;t=Y; psd=n;"), &d));
    ck_assert(d.p == DMARC_REJECT && d.sp == DMARC_QUARANTINE && d.np == DMARC_NONE && d.testing && d.psd == 'n' &&
              d.bad.data == NULL);
    static const char *const none[] = {"", ";", "v=DMARC", "v=dmarc1; p=none", "p=none; v=DMARC1", " ; v=DMARC1", "V=DMARC1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert_msg(!dmarc_parse(bytes_str(none[i]), &d), "%s", none[i]);
    ck_assert(dmarc_parse(bytes_str("v=DMARC1; p=reject;; rua=mailto:a@b.nl"), &d) && d.bad.data != NULL && d.rua.len == 13);
    ck_assert(dmarc_parse(bytes_str("v=DMARC1; fo=1; p=none; pct=5; x=1"), &d) && d.p_late &&
              bytes_eq(d.removed, BYTES_LIT("pct")) && bytes_eq(d.unknown, BYTES_LIT("x")));
    ck_assert(dmarc_parse(bytes_str("v=DMARC1; p=x"), &d) && d.p == DMARC_BAD && d.bad.data != NULL);
    ck_assert_int_eq(dmarc_applied(DMARC_REJECT, true), DMARC_QUARANTINE);
    ck_assert_int_eq(dmarc_applied(DMARC_QUARANTINE, true), DMARC_NONE);
    ck_assert_int_eq(dmarc_applied(DMARC_NONE, true), DMARC_NONE);
    ck_assert_int_eq(dmarc_applied(DMARC_REJECT, false), DMARC_REJECT);
}
END_TEST

/* RFC 9989 §4.10: its own example, of eight queries */
START_TEST(dmarc_walk)
{
    static const char *const then[] = {"g.h.i.j.mail.example.com",
                                       "h.i.j.mail.example.com",
                                       "i.j.mail.example.com",
                                       "j.mail.example.com",
                                       "mail.example.com",
                                       "example.com",
                                       "com"};
    const char *at = "a.b.c.d.e.f.g.h.i.j.mail.example.com";
    for (size_t i = 0; i < sizeof then / sizeof then[0]; i++)
        ck_assert_str_eq(at = dmarc_parent(at), then[i]);
    ck_assert_ptr_null(dmarc_parent(at));
}
END_TEST

START_TEST(dmarc_hosts)
{
    struct bytes list = BYTES_LIT("mailto:a@B.nl , mailto:x@c.nl!10m,https://d.nl/"), uri;
    char host[64];
    ck_assert(dmarc_next_uri(&list, &uri) && dmarc_mail_host(uri, host, sizeof host));
    ck_assert_str_eq(host, "b.nl");
    ck_assert(dmarc_next_uri(&list, &uri) && dmarc_mail_host(uri, host, sizeof host));
    ck_assert_str_eq(host, "c.nl");
    ck_assert(dmarc_next_uri(&list, &uri) && !dmarc_mail_host(uri, host, sizeof host));
    ck_assert(!dmarc_next_uri(&list, &uri));
    ck_assert(!dmarc_mail_host(BYTES_LIT("mailto:@b.nl"), host, sizeof host));
    ck_assert(!dmarc_mail_host(BYTES_LIT("mailto:a@b_/c.nl"), host, sizeof host));
    ck_assert(!dmarc_mail_host(BYTES_LIT("mailto:a@bbbbb.nl"), host, 8));
}
END_TEST

/* Which of {0} {1} {2} a message has. */
static unsigned placeholders(const char *s)
{
    return (strstr(s, "{0}") != NULL) | (unsigned)(strstr(s, "{1}") != NULL) << 1 | (unsigned)(strstr(s, "{2}") != NULL) << 2;
}

START_TEST(languages)
{
    const struct text_language *all[] = {text_find("en"), text_find("nl")};
    ck_assert_ptr_null(text_find("fr"));
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < CHECK_RULES; i++)
            ck_assert_msg(all[l]->rules[i].title != NULL && all[l]->rules[i].not_proven != NULL, "%s: rule %s", all[l]->code,
                          check_rules[i].id);
        for (int i = 0; i < CHECK_MESSAGES; i++)
            ck_assert_msg(all[l]->messages[i] != NULL && placeholders(all[l]->messages[i]) == placeholders(all[0]->messages[i]),
                          "%s: message %d", all[l]->code, i);
        for (int i = 0; i < CHECK_WORDS; i++)
            ck_assert_msg(all[l]->words[i] != NULL, "%s: word %d", all[l]->code, i);
    }
    for (int i = 0; i < CHECK_RULES; i++) {
        ck_assert(check_rules[i].id != NULL && check_rules[i].source != NULL);
        ck_assert_int_eq(check_find_rule(check_rules[i].id), i);
    }
}
END_TEST

static void escapes(const char *from, const char *to)
{
    struct buf out = BUF_INIT;
    html_escape(&out, from);
    ck_assert_str_eq(buf_cstr(&out), to);
    buf_free(&out);
}

START_TEST(escaping)
{
    escapes("<a href=\"x\">&'", "&#60;a href=&#34;x&#34;&#62;&#38;&#39;");
    escapes("één – ok\n", "één – ok\n");
    escapes("\x1b[31m\x7f", "\\u{001B}[31m\\u{007F}");
    escapes("a\u202ecod.exe\u2066", "a\\u{202E}cod.exe\\u{2066}");
    escapes("\xff\xc0\xbc\xe2\x80", "\\xFF\\xC0\\xBC\\xE2\\x80");
    escapes("\xed\xa0\x80", "\\xED\\xA0\\x80");
}
END_TEST

/* Over the bounds nothing is asked any more (there is no resolver here to ask), and the answer says why. */
START_TEST(bounds)
{
    struct observe_answer a = {0};
    struct check c = {.asks = CHECK_ASKS_MAX, .until_ms = INT64_MAX};
    check_ask(&c, "b.nl", LDNS_RR_TYPE_TXT, &a);
    ck_assert_str_eq(a.error, "too many look-ups for one domain");
    observe_answer_clear(&a);
    c = (struct check){.until_ms = 1};
    check_ask(&c, "b.nl", LDNS_RR_TYPE_TXT, &a);
    ck_assert_str_eq(a.error, "no time left for this domain");
    observe_answer_clear(&a);
    ck_assert(!c.failed);
}
END_TEST

/* A key is due 180 days after it came into use, unless somebody says another day. */
START_TEST(due)
{
    const int64_t day = 86400, t = 1700000000;
    ck_assert_int_eq(check_due(&(struct check_life){0}), 0);
    ck_assert_int_eq(check_due(&(struct check_life){.made_s = t}), t + 180 * day);
    ck_assert_int_eq(check_due(&(struct check_life){.made_s = t, .seen_s = t + 1, .first_signed_s = t + 2}), t + 2 + 180 * day);
    ck_assert_int_eq(check_due(&(struct check_life){.first_signed_s = t, .due_s = t + 90 * day}), t + 90 * day);
}
END_TEST

UNIT_MAIN("check", bounds, due, spf_grammar, dmarc_record, dmarc_walk, dmarc_hosts, languages, escaping)
