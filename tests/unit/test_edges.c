/* The ends of every buffer and list of the engine: what stands just inside is taken, what stands just outside is said to be too
 * much. */
#include "dkim/authres.h"
#include "dkim/sign.h"
#include "signer/blockcheck.h"
#include "unit.h"

static struct header h;

static unsigned defects_of(struct bytes name, struct bytes value)
{
    header_init(&h);
    header_add(&h, name, value);
    return h.defects;
}

START_TEST(field_octets)
{
    ck_assert_uint_eq(defects_of(BYTES_LIT("X!~"), BYTES_LIT(" y")), HEADER_OK);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X \t"), BYTES_LIT("")), HEADER_OK);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X:"), BYTES_LIT("")), HEADER_BAD_NAME);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X\x7f"), BYTES_LIT("")), HEADER_BAD_NAME);
    ck_assert_uint_eq(defects_of(BYTES_LIT(" X"), BYTES_LIT("")), HEADER_BAD_NAME);
    ck_assert_uint_eq(defects_of(BYTES_LIT(" \t"), BYTES_LIT("")), HEADER_BAD_NAME);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X"), BYTES_LIT("y\r")), HEADER_BARE_CR);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X"), BYTES_LIT("y\r\r\n z")), HEADER_BARE_CR);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X"), BYTES_LIT("y\n")), HEADER_BARE_LF);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X"), BYTES_LIT("y\r\nz")), HEADER_BARE_LF);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X"), BYTES_LIT("y\n\tz")), HEADER_OK);
    ck_assert_uint_eq(defects_of(BYTES_LIT("X"), BYTES_LIT("\0\x80")), HEADER_NUL | HEADER_8BIT);
}
END_TEST

START_TEST(header_ends)
{
    static const struct {
        const char *text;
        size_t used, count;
        unsigned defects;
    } rows[] = {
        {"", 0, 0, HEADER_OK},
        {"\n", 1, 0, HEADER_OK},
        {"\r\n", 2, 0, HEADER_OK},
        {"\r", 1, 0, HEADER_NO_COLON},
        {"\rX: y", 5, 1, HEADER_BAD_NAME},
        {"X: y", 4, 1, HEADER_OK},
        {"X: y\r", 5, 1, HEADER_OK},
        {"X: y\n", 5, 1, HEADER_OK},
        {"X: y\n\nz: 1", 6, 1, HEADER_OK},
        {"X: y\r\n\rz", 8, 1, HEADER_NO_COLON},
        {"X: y\n z\n\t", 9, 1, HEADER_OK},
        {"X\n: y\n", 6, 1, HEADER_NO_COLON | HEADER_BAD_NAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        header_init(&h);
        ck_assert_msg(header_parse(&h, bytes_str(rows[i].text)) == rows[i].used, "%zu: used", i);
        ck_assert_msg(h.count == rows[i].count, "%zu: %zu fields", i, h.count);
        ck_assert_msg(h.defects == rows[i].defects, "%zu: %x", i, h.defects);
    }
}
END_TEST

START_TEST(header_full)
{
    static uint8_t big[DKIM_HEADER_TEXT_MAX];
    memset(big, 'a', sizeof big);
    header_init(&h);
    header_add(&h, BYTES_LIT("X"), bytes_of(big, sizeof big - 1));
    ck_assert(h.count == 1 && (h.defects & HEADER_TOO_MANY) == 0);
    header_add(&h, BYTES_LIT("Y"), BYTES_LIT(""));
    ck_assert(h.count == 1 && (h.defects & HEADER_TOO_MANY) != 0);
}
END_TEST

/* Lists that fill `selected` at each of their additions. */
START_TEST(selection_full)
{
    static const char *const x[] = {"X", NULL}, *const xy[] = {"X", "Y", NULL};
    static const struct select_policy over = {.oversign = x}, present = {.oversign_present = x}, plain = {.sign = xy},
                                      both = {.oversign = x, .sign = xy}, none = {0};
    static struct selected sel;
    header_init(&h);
    for (int i = 0; i < DKIM_SELECTED_MAX - 1; i++)
        header_add(&h, BYTES_LIT("x"), BYTES_LIT(""));
    ck_assert(select_fields(&over, &h, &sel) && sel.count == DKIM_SELECTED_MAX);
    ck_assert(select_fields(&none, &h, &sel) && sel.count == 0);
    header_add(&h, BYTES_LIT("x"), BYTES_LIT(""));
    ck_assert(select_fields(&plain, &h, &sel) && sel.count == DKIM_SELECTED_MAX);
    ck_assert(!select_fields(&over, &h, &sel) && !select_fields(&present, &h, &sel) && !select_fields(&both, &h, &sel));
    header_add(&h, BYTES_LIT("Y"), BYTES_LIT(""));
    ck_assert(!select_fields(&plain, &h, &sel));
    ck_assert_ptr_null(select_repeated_singleton(&h));
    header_add(&h, BYTES_LIT("content-transfer-encoding"), BYTES_LIT(""));
    header_add(&h, BYTES_LIT("Content-Transfer-Encoding"), BYTES_LIT(""));
    ck_assert_str_eq(select_repeated_singleton(&h), "Content-Transfer-Encoding");
    ck_assert(!select_lists(NULL, BYTES_LIT("X")) && select_lists(xy, BYTES_LIT("y")) && !select_lists(xy, BYTES_LIT("z")));
}
END_TEST

/* A block or a value that does not fit, and a body hash that nobody asked for. */
START_TEST(block_rooms)
{
    struct dkim_sign *m = dkim_sign_new();
    uint8_t value_room[DKIM_FIELD_MAX], block_room[1024];
    struct sigheader_params p = {.domain = BYTES_LIT("example.nl"), .selector = BYTES_LIT("s")};
    (void)header_parse(&m->header, BYTES_LIT("From: a@example.nl\r\n"));
    dkim_sign_body_start(m, false, true);
    ck_assert(dkim_sign_body_end(m));
    for (size_t cap = 0; cap <= sizeof block_room; cap += 16) {
        struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, cap);
        p.relaxed_body = true;
        bool fits = dkim_sign_block(m, &p, &select_default, &value, &block);
        ck_assert(fits == !block.overflow && block.len <= cap);
        value = out_of(value_room, cap);
        block = out_of(block_room, sizeof block_room);
        fits = dkim_sign_block(m, &p, &select_default, &value, &block);
        ck_assert(fits == !value.overflow && value.len <= cap);
        p.relaxed_body = false;
        ck_assert(!dkim_sign_block(m, &p, &select_default, &value, &block));
    }
    for (int i = 0; i < DKIM_SELECTED_MAX; i++)
        header_add(&m->header, BYTES_LIT("To"), BYTES_LIT(""));
    struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
    p.relaxed_body = true;
    ck_assert(!dkim_sign_block(m, &p, &select_default, &value, &block));
    dkim_sign_free(m);
}
END_TEST

#define SIGNATURE(c)                                                                                                             \
    "v=1; a=rsa-sha256; c=" c                                                                                                    \
    "; d=example.nl; s=s; t=1700000000; h=From:From; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b="

/* Field by field, what only the signer's own parser sees. */
START_TEST(blocks)
{
    static const struct {
        bool relaxed;
        const char *block; /* NULL in `says`: signed */
        const char *says;
    } rows[] = {
        {true, "from:a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), NULL},
        {false, "From: a@example.nl\r\nDKIM-Signature: " SIGNATURE("simple/relaxed"), NULL},
        {false, "From:\r\n a@example.nl \r\n\t\r\nDKIM-Signature: " SIGNATURE("simple/relaxed"), NULL},
        {false, "From : a@example.nl\r\nDKIM-Signature: " SIGNATURE("simple/relaxed"), "h= does not match"},
        {true, "from:a@example.nl\rdkim-signature:" SIGNATURE("relaxed/relaxed"), "CRLF"},
        {true, "from:a@example.nl\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "CRLF"},
        {true, "from:a@example.nl\r\n", "CRLF"},
        {true, "from:a@example.nl\r", "CRLF"},
        {true, "From:a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "canonical"},
        {true, "from: a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "canonical"},
        {true, "from:a@example.nl \r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "canonical"},
        {true, "from:A  <a@example.nl>\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "canonical"},
        {true, "from:A\t<a@example.nl>\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "canonical"},
        {true, "from:\r\n a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "canonical"},
        {true, "from\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "no colon"},
        {true, ":a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "h= does not match"},
        {true, "fr\x7fom:a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "h= does not match"},
        {true, "dkim-signature:v=1\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "not the last"},
        {true, "from:a@example.nl\r\nDKIM-Signature:" SIGNATURE("relaxed/relaxed"), "not DKIM-Signature"},
        {false, "From: a@example.nl\r\ndkim-signature: " SIGNATURE("simple/relaxed"), "not DKIM-Signature"},
        {true, "dkim-signature:" SIGNATURE("relaxed/relaxed"), "exactly one From"},
        {true, "from:a@example.nl, b@example.org\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "single author"},
        {true, "from:a@sub.example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed"), "aligned"},
        {true, "from:a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed") ";", "b= is not last"},
        {true, "from:a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed") "; z=x", "tag that Zegel never makes"},
        {true, "from:a@example.nl\r\ndkim-signature:nonsense", "no tag list"},
        {true, "from:a@example.nl\r\ndkim-signature:" SIGNATURE("relaxed/relaxed") "\xc3\xa9", "not US-ASCII"},
    };
    static const struct config_key key = {.selector = (char *)(uintptr_t) "s", .algorithm = CONFIG_RSA_SHA256};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_domain d = {
            .domain = (char *)(uintptr_t) "example.nl", .relaxed_header = rows[i].relaxed, .relaxed_body = true};
        struct sigheader sig;
        const char *bad = blockcheck(bytes_str(rows[i].block), &d, &key, 1700000000, &sig);
        ck_assert_msg(rows[i].says == NULL ? bad == NULL : bad != NULL && strstr(bad, rows[i].says) != NULL, "%zu: %s", i,
                      bad == NULL ? "signed" : bad);
    }
}
END_TEST

START_TEST(results_written)
{
    static const enum verify_dnssec states[] = {VERIFY_DNSSEC_UNKNOWN, VERIFY_DNSSEC_INSECURE, VERIFY_DNSSEC_SECURE,
                                                VERIFY_DNSSEC_BOGUS};
    static const char *const said[] = {"", " dns.sec=no", " dns.sec=yes", " dns.sec=no (bogus)"};
    for (int i = 0; i < 4; i++) {
        uint8_t room[256];
        struct out o = out_of(room, sizeof room - 1);
        struct verification v = {.reason = "", .dnssec = states[i], .sig = {.b = BYTES_LIT("a b\"c")}};
        authres_dkim(&v, &o);
        room[o.len] = '\0';
        ck_assert_ptr_eq(strstr((char *)room, "header.b"), NULL); /* not base64: left out */
        ck_assert_str_eq((char *)room + o.len - strlen(said[i]), said[i]);
    }
    header_init(&h);
    ck_assert(!authres_is_aligned(&h, BYTES_LIT("example.nl")));
    header_add(&h, BYTES_LIT("From"), BYTES_LIT("nobody"));
    ck_assert(!authres_is_aligned(&h, BYTES_LIT("example.nl")));
}
END_TEST

UNIT_MAIN("edges", field_octets, header_ends, header_full, selection_full, block_rooms, blocks, results_written)
