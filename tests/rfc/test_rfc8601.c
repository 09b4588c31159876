/* RFC 8601: what one dkim= result looks like, and that nothing in a message can break out of it. */
#include "dkim/authres.h"
#include "forge.h"

static const char message[] = "From: jan@example.nl\r\n\r\nHello.\r\n";

static const char *line_of(const struct verification *v)
{
    static char room[2048];
    struct out o = out_of(room, sizeof room - 1);
    authres_dkim(v, &o);
    ck_assert(!o.overflow);
    room[o.len] = '\0';
    return room;
}

START_TEST(results)
{
    static const char *const names[] = {"pass", "fail", "permerror", "temperror", "policy", "neutral"}; /* §2.7.1 */
    for (int i = 0; i < 6; i++)
        ck_assert_str_eq(verify_result_name(i), names[i]);
    struct verification v =
        forge_one("", "v=1; a=rsa-sha256; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_RSA2048, message, NULL);
    const char *line = line_of(&v);
    ck_assert_ptr_eq(strstr(line, "dkim=pass (2048-bit key) header.d=example.nl header.s=rsa header.a=rsa-sha256 header.b=\""),
                     line);
    ck_assert_ptr_eq(line + strlen(line) - 1,
                     strrchr(line, '"')); /* eight characters of b=, quoted: "/" is no token (RFC 6008 §4) */
    ck_assert_uint_eq((size_t)(strrchr(line, '"') - strchr(line, '"')), 9);
    static const struct forge_zone testing[] = {{"rsa._domainkey.example.nl", "t=y; p=@rsa1024"}, {NULL, NULL}};
    v = forge_one("", "v=1; a=rsa-sha256; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_RSA1024, message, testing);
    ck_assert_ptr_nonnull(
        strstr(line_of(&v), "dkim=pass reason=\"weak: RSA key of less than 2048 bits\" (1024-bit key, testing) "));
}
END_TEST

/* "Authentication-Results: ...; dkim=pass ..." must not be writable by whoever writes the signature (mail-auth 0.9.1's
 * injection). */
START_TEST(nothing_breaks_out)
{
    static const char *const fields[] = {
        "DKIM-Signature: v=1; a=rsa-sha256; d=x.nl\r\n ;dkim=pass; s=s; h=from; bh=@; b=@\r\n",
        "DKIM-Signature: v=1; a=rsa-sha256; d=\"x.nl; s=s; h=from; bh=; b=a\r\n",
        "DKIM-Signature: v=1; a=rsa-sha256; d=x(y.nl; s=s)z; h=from; bh=; b=a\r\n",
        "DKIM-Signature: v=1; a=rsa-sha256; d=x\r\n\tdkim=pass; s=a b; h=from; bh=; b=a\\\"\r\n",
        "DKIM-Signature: v=1; a=\"; d=x\r\n; s=\xc3; h=from; bh=; b=\"\r\n",
        "DKIM-Signature: v=1; a=x; d=..; s=-; h=from; bh=; b=====\r\n",
        "DKIM-Signature: \r\n",
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct buf whole = BUF_INIT;
        struct verification v[VERIFY_RESULTS_MAX];
        buf_add_str(&whole, fields[i]);
        buf_add_str(&whole, message);
        ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 1);
        const char *line = line_of(&v[0]);
        unsigned quotes = 0;
        for (const char *p = line; *p != '\0'; p++) {
            ck_assert_msg(*p >= ' ' && *p < 0x7f && *p != ';' && *p != '\\', "%s", line);
            quotes += *p == '"';
        }
        ck_assert_msg(quotes % 2 == 0 && strstr(line, "pass") == NULL, "%s", line);
        buf_free(&whole);
    }
}
END_TEST

START_TEST(reasons_are_quoted_strings)
{
    for (int e = SIG_OK; e <= SIG_TOO_MANY + 1; e++)
        ck_assert_ptr_null(strpbrk(sigheader_strerror(e), "\"\\\r\n"));
    for (int e = KEYRECORD_OK; e <= KEYRECORD_SUBDOMAIN + 1; e++)
        ck_assert_ptr_null(strpbrk(keyrecord_strerror(e), "\"\\\r\n"));
}
END_TEST

/* RFC 8616 §3, RFC 6532: whether a name stands there in U-labels or in A-labels makes no difference, on either side. */
START_TEST(alignment)
{
    static const struct {
        const char *from, *d;
        bool aligned;
    } rows[] = {
        {"a@b\303\274cher.example", "b\303\274cher.example", true},
        {"a@b\303\274cher.example", "xn--bcher-kva.example", true},
        {"a@xn--bcher-kva.example", "b\303\274cher.example", true},
        {"a@xn--bcher-kva.example", "xn--bcher-kva.example", true},
        {"a@sub.b\303\274cher.example", "XN--bcher-kva.example", true},
        {"a@xb\303\274cher.example", "xn--bcher-kva.example", false},
        {"a@example", "xn--bcher-kva.example", false},
        {"a@bucher.example", "xn--bcher-kva.example", false},
        {"a@x.nl, b@b\303\274cher.example", "xn--bcher-kva.example", false},
        {"a@B\xc3\x9c"
         "CHER.example",
         "xn--bcher-kva.example", false},
    };
    static struct header h;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        header_init(&h);
        header_add(&h, BYTES_LIT("From"), bytes_str(rows[i].from));
        ck_assert_msg(authres_is_aligned(&h, bytes_str(rows[i].d)) == rows[i].aligned, "%s, d=%s", rows[i].from, rows[i].d);
    }
}
END_TEST

UNIT_MAIN("rfc8601", alignment, results, nothing_breaks_out, reasons_are_quoted_strings)
