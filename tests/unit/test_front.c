/* What the front ends read of their MTA, and how a message is written again. */
#include <stdlib.h>

#include "front/eximspool.h"
#include "front/message.h"
#include "front/smtpdline.h"
#include "unit.h"

/* ---- Exim's spool file ---- */

#define ID "1xWHlh-0006jY-0Q"
#define TOP ID "-H\nDebian-exim 1 1\n<piet@example.nl>\n1795631457 0\n"
#define END "XX\n1\ninbox@example.org\n\n"

static bool read_spool(const char *text, struct eximspool *e)
{
    return eximspool_parse(bytes_str(text), BYTES_LIT(ID), e);
}

START_TEST(spool_says_who)
{
    struct eximspool e;
    ck_assert(read_spool(TOP "-host_address [192.0.2.1]:25\n-received_protocol esmtpa\n--auth_id piet\n" END, &e));
    ck_assert(bytes_eq(e.client, BYTES_LIT("192.0.2.1")) && e.port == 25 && bytes_eq(e.user, BYTES_LIT("piet")));
    ck_assert(bytes_eq(e.sender, BYTES_LIT("piet@example.nl")));
    ck_assert(read_spool(TOP "-host_address [2001:db8::1].25\n-received_protocol esmtp\n" END, &e)); /* before 4.96 */
    ck_assert(bytes_eq(e.client, BYTES_LIT("2001:db8::1")) && e.user.len == 0);
    ck_assert(read_spool(TOP "-ident root\n-received_protocol local-smtp\n-auth_id root\n" END, &e));
    ck_assert(e.client.len == 0 && e.user.len == 0); /* a login name is no authentication */
}
END_TEST

/* The value of an ACL variable may be anything that a client has sent. */
START_TEST(spool_variables_are_skipped)
{
    struct eximspool e;
    ck_assert(read_spool(TOP "-host_address [192.0.2.1]:25\n--aclm evil 14\n\n-auth_id boss\n-received_protocol smtp\n" END, &e));
    ck_assert_uint_eq(e.user.len, 0);
    ck_assert(!read_spool(TOP "-received_protocol local\n-aclm x 4000000000\n" END, &e));
    ck_assert(!read_spool(TOP "-received_protocol local\n-aclm x 3\nabcd\n" END, &e));
    ck_assert(!read_spool(TOP "-received_protocol local\n-aclm x\n" END, &e));
}
END_TEST

START_TEST(spool_in_doubt_says_nothing)
{
    static const char *const bad[] = {
        "",
        TOP,
        TOP END, /* neither a client nor local */
        TOP "-received_protocol smtp\n" END,
        TOP "-host_address [192.0.2.1]:25\n-received_protocol local\n" END,
        TOP "-host_address [192.0.2.1]:25\n-host_address [192.0.2.2]:25\n-received_protocol smtp\n" END,
        TOP "-host_address [192.0.2.1]:25\n-received_protocol smtp\n-auth_id a\n-auth_id b\n" END,
        TOP "-host_address [192.0.2.1]:25\n-received_protocol smtp\n-auth_id \n" END,
        TOP "-host_address [192.0.2.1]:0\n-received_protocol smtp\n" END,
        TOP "-host_address [192.0.2.1]\n-received_protocol smtp\n" END,
        TOP "-host_address 192.0.2.1:25\n-received_protocol smtp\n" END,
        TOP "-received_protocol local\n--(lsearch)auth_id x\n" END, /* a later Exim's form */
        "2xWHlh-0006jY-0Q-H\nroot 0 0\n<>\n1 0\n-received_protocol local\n" END,
        ID "-H\nroot 0 0\nx\n1 0\n-received_protocol local\n" END,
    };
    struct eximspool e;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!read_spool(bad[i], &e), "%zu: %s", i, bad[i]);
    ck_assert(!eximspool_is_id(BYTES_LIT("../../etc/passwd")) && !eximspool_is_id(BYTES_LIT("")) &&
              !eximspool_is_id(BYTES_LIT("a/b")));
}
END_TEST

/* ---- smtpd's lines ---- */

START_TEST(lines)
{
    static const struct {
        const char *line;
        enum smtpdline_kind kind;
        const char *text, *client;
    } all[] = {
        {"config|ready", SMTPDLINE_READY, "", ""},
        {"config|smtpd-version|6.8.0p2", SMTPDLINE_OTHER, "", ""},
        {"report|0.6|1|smtp-in|link-connect|a1|h|pass|192.0.2.1:25|192.0.2.2:25", SMTPDLINE_CONNECT, "", "192.0.2.1"},
        {"report|0.6|1|smtp-in|link-connect|a1|h|pass|[IPv6:2001:db8::1]:25|x:1", SMTPDLINE_CONNECT, "", "2001:db8::1"},
        {"report|0.6|1|smtp-in|link-connect|a1|h|pass|unix:/run/smtpd.sock|unix:/run/smtpd.sock", SMTPDLINE_CONNECT, "", ""},
        {"report|0.6|1|smtp-in|link-connect|a1|h|pass|:25|x:1", SMTPDLINE_BAD, "", ""},
        {"report|0.6|1|smtp-in|link-connect|a1|h|pass|192.0.2.1:99999|x:1", SMTPDLINE_BAD, "", "*"},
        {"report|0.6|1|smtp-in|link-connect|a1|h", SMTPDLINE_BAD, "", "*"},
        {"report|0.6|1|smtp-in|link-auth|a1|piet|pass", SMTPDLINE_AUTH, "piet", ""},
        {"report|0.6|1|smtp-in|link-auth|a1|pass|piet|fail", SMTPDLINE_OTHER, "*", ""},
        {"report|0.7|1|smtp-in|link-auth|a1|pass|piet|x", SMTPDLINE_AUTH, "piet|x", ""},
        {"report|0.7|1|smtp-in|link-auth|a1|fail|pass", SMTPDLINE_OTHER, "*", ""},
        {"report|0.6|1|smtp-in|link-auth|a1|pass", SMTPDLINE_BAD, "", ""},
        {"report|0.6|1|smtp-in|tx-mail|a1|beef|ok|a|b@c", SMTPDLINE_MAIL, "a|b@c", ""},
        {"report|0.6|1|smtp-in|tx-mail|a1|beef|permfail|a@c", SMTPDLINE_OTHER, "*", ""},
        {"report|0.6|1|smtp-out|tx-mail|a1|beef|ok|a@c", SMTPDLINE_BAD, "", ""},
        {"report|0.6|1|smtp-in|tx-mail|zz|beef|ok|a@c", SMTPDLINE_BAD, "", ""},
        {"report|1.0|1|smtp-in|tx-mail|a1|beef|ok|a@c", SMTPDLINE_VERSION, "", ""},
        {"filter|0.6|1|smtp-in|data-line|a1|b2|x|y", SMTPDLINE_DATA, "x|y", ""},
        {"filter|0.6|1|smtp-in|commit|a1|b2|", SMTPDLINE_COMMIT, "", ""},
        {"filter|0.6|1|smtp-in|commit|a1|", SMTPDLINE_BAD, "", ""},
        {"filter|0.6|1|smtp-in|data-line|a1|0123456789abcdef0|x", SMTPDLINE_BAD, "*", ""},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct smtpdline l = smtpdline_parse(bytes_str(all[i].line));
        ck_assert_msg(l.kind == all[i].kind, "%s: %d", all[i].line, (int)l.kind);
        if (all[i].text[0] != '*')
            ck_assert_msg(bytes_eq(l.text, bytes_str(all[i].text)), "%s", all[i].line);
        if (all[i].client[0] != '*')
            ck_assert_msg(bytes_eq(l.client, bytes_str(all[i].client)), "%s", all[i].line);
    }
}
END_TEST

/* ---- a message written again ---- */

static void written(const char *message, const struct edits *e, const char *prefix, bool dots, const char *want)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in = tmpfile(), *out = open_memstream(&text, &len);
    ck_assert(in != NULL && out != NULL);
    ck_assert_int_ge(fputs(message, in), 0);
    struct message_out to = {.file = out, .prefix = prefix, .dots = dots};
    bool ok = message_write(in, e, &to);
    (void)fclose(out);
    (void)fclose(in);
    ck_assert_int_eq(ok, want != NULL);
    if (want != NULL)
        ck_assert_str_eq(text, want);
    free(text);
}

START_TEST(writes)
{
    struct edits e = {.added = BUF_INIT, .removed = BUF_INIT};
    struct bytes name = BYTES_LIT("A");
    written("a: 1\n\n.\n..x\n", &e, "p|", true, "p|a: 1\np|\np|..\np|...x\n");
    written("a: 1", &e, "", false, "a: 1\n");
    written("\nbody", &e, "", false, "\nbody\n");
    written("", &e, "", false, "");
    ck_assert(edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" 2\n\t3")) && edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" 1")));
    ck_assert(edits_remove(&e, name, 3) && edits_remove(&e, name, 1));
    written("a: 1\n\tfold\nb: 2\na : 3\nA: 4\n\nA: 5\n", &e, "", false, "X: 1\nX: 2\n\t3\nb: 2\na : 3\n\nA: 5\n");
    written("a: 1\nb: 2\n\n", &e, "", false, NULL); /* a third one is to go, and is not there */
    written("a: 1\nno field\n\n", &e, "", false, NULL);
    ck_assert(!edits_remove(&e, name, 1) && !edits_remove(&e, BYTES_LIT("B"), 1) && !edits_remove(&e, name, 0));
    edits_free(&e);
}
END_TEST

/* One field is added where one is asked for: no header's end, no second field. */
START_TEST(adds_one_field)
{
    struct edits e = {.added = BUF_INIT, .removed = BUF_INIT};
    ck_assert(!edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" 1\n\nbody")));
    ck_assert(!edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" 1\nFrom: boss@example.nl")));
    ck_assert(!edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" 1\n")));
    ck_assert(!edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" 1\r\n\t2")));
    ck_assert(!edits_add(&e, BYTES_LIT("X: 1\nY"), BYTES_LIT(" 1")));
    ck_assert(!edits_add(&e, BYTES_LIT("X"), BYTES_LIT(" \0")));
    ck_assert(!edits_add(&e, BYTES_LIT(""), BYTES_LIT(" 1")));
    ck_assert_uint_eq(e.added.len, 0);
    edits_free(&e);
}
END_TEST

UNIT_MAIN("front", spool_says_who, spool_variables_are_skipped, spool_in_doubt_says_nothing, lines, writes, adds_one_field)
