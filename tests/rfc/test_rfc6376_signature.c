/* RFC 6376 §3.2, §3.5, §3.7, §5.4, §6.1; RFC 8301; RFC 8463: the DKIM-Signature field, as a verifier reads it. */
#include "forge.h"

static const char message[] =
    "Received: by mx\r\nFrom: Jan <jan@example.nl>\r\nSubject: one\r\n two\r\nTo: els@example.org\r\n\r\nHello.  \r\n\r\n";

static const struct {
    const char *clause, *tags;
    enum forge_key key;
    enum verify_result want;
    const char *reason;
} cases[] = {
    /* §3.2 */
    {"Unrecognized tags MUST be ignored", "v=1; zz=!?; a=ed25519-sha256; d=example.nl; s=ed; h=from; x_9=; bh=@; b=@", FORGE_ED,
     VERIFY_PASS, ""},
    {"Tags with duplicate names MUST NOT occur within a single tag-list",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "syntax"},
    {"... also when unrecognized", "v=1; q1=a; q1=a; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "syntax"},
    {"Tags MUST be interpreted in a case-sensitive manner", "v=1; A=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@",
     FORGE_ED, VERIFY_PERMERROR, "required tag"},
    {"tag-name = ALPHA *ALNUMPUNC", "v=1; 1a=x; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "syntax"},
    {"tag-spec = [FWS] tag-name [FWS] \"=\" [FWS] tag-value [FWS]",
     " v = 1 ;\r\n a\r\n =\r\n ed25519-sha256\r\n ;d\t=\texample.nl; s=ed\r\n ; h= from ; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"tag-list = tag-spec *( \";\" tag-spec ) [ \";\" ]", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@;",
     FORGE_ED, VERIFY_PASS, ""},
    {"... and no two of them", "v=1;; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR,
     "syntax"},
    {"... nor one at the start", "; v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR,
     "syntax"},
    {"a tag-spec has a \"=\"", "v=1; a=ed25519-sha256; zz; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR,
     "syntax"},
    {"tag values may hold \"=\"", "v=1; zz=a=b==; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS,
     ""},
    /* §3.5 */
    {"v= ... MUST be 1", "v=0; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "version"},
    {"\"1.0\" is not \"1\": string comparison", "v=1.0; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "version"},
    {"the order of tags is free", "h=from; b=@; s=ed; bh=@; d=example.nl; a=ed25519-sha256; v=1", FORGE_ED, VERIFY_PASS, ""},
    {"a= REQUIRED", "v=1; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "required tag"},
    {"b= REQUIRED, bh= REQUIRED", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from; b=@", FORGE_ED, VERIFY_PERMERROR,
     "required tag"},
    {"d= REQUIRED", "v=1; a=ed25519-sha256; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "required tag"},
    {"h= REQUIRED", "v=1; a=ed25519-sha256; d=example.nl; s=ed; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "required tag"},
    {"s= REQUIRED", "v=1; a=ed25519-sha256; d=example.nl; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "required tag"},
    {"c= default is simple/simple", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from:subject; bh=@; b=@", FORGE_ED, VERIFY_PASS,
     ""},
    {"c= of one name: the body's default is simple",
     "v=1; a=ed25519-sha256; c=relaxed; d=example.nl; s=ed; h=from:subject; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"c= simple/relaxed", "v=1; a=ed25519-sha256; c=simple/relaxed; d=example.nl; s=ed; h=from:subject; bh=@; b=@", FORGE_ED,
     VERIFY_PASS, ""},
    {"c= of an unknown name", "v=1; a=ed25519-sha256; c=nofws; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR,
     "canonicalization"},
    {"c= of three names", "v=1; a=ed25519-sha256; c=simple/simple/simple; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "canonicalization"},
    {"The domain of i= MUST be the same as, or a subdomain of, d=",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; i=jan@mail.example.nl; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"... at a label's boundary", "v=1; a=ed25519-sha256; d=example.nl; s=ed; i=@myexample.nl; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "i="},
    {"... not above it", "v=1; a=ed25519-sha256; d=example.nl; s=ed; i=@nl; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "i="},
    {"i= = [ Local-part ] \"@\" domain-name", "v=1; a=ed25519-sha256; d=example.nl; s=ed; i=example.nl; h=from; bh=@; b=@",
     FORGE_ED, VERIFY_PERMERROR, "i="},
    {"the local part may be quoted, with an @",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; i=\"a@b\"@example.nl; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"l= leaves the rest of the body to anyone (§8.2)", "v=1; a=ed25519-sha256; d=example.nl; s=ed; l=6; h=from; bh=@; b=@",
     FORGE_ED, VERIFY_POLICY, "l="},
    {"q= default dns/txt", "v=1; a=ed25519-sha256; q=dns/txt; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"unrecognized query mechanisms MUST be ignored",
     "v=1; a=ed25519-sha256; q=http/x : dns/txt; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"... and with none left there is no key to be had", "v=1; a=ed25519-sha256; q=http/x; d=example.nl; s=ed; h=from; bh=@; b=@",
     FORGE_ED, VERIFY_PERMERROR, "query"},
    {"t= of twelve digits, AD 33658",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; t=999999999998; x=999999999999; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"t= is an unsigned decimal", "v=1; a=ed25519-sha256; d=example.nl; s=ed; t=1.7e9; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "syntax"},
    {"The value of x= MUST be greater than that of t=",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; t=1700000001; x=1700000001; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR,
     "x="},
    {"MUST NOT be considered valid if the current time is past the expiration",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; t=1600000000; x=1699999999; h=from; bh=@; b=@", FORGE_ED, VERIFY_FAIL,
     "expired"},
    {"... and is until then", "v=1; a=ed25519-sha256; d=example.nl; s=ed; t=1600000000; x=1700000000; h=from; bh=@; b=@",
     FORGE_ED, VERIFY_PASS, ""},
    {"x= without t=", "v=1; a=ed25519-sha256; d=example.nl; s=ed; x=1700000001; h=from; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"z= is for diagnosis only", "v=1; a=ed25519-sha256; d=example.nl; s=ed; z=From:ceo@example.org|Subject:x; h=from; bh=@; b=@",
     FORGE_ED, VERIFY_PASS, ""},
    {"h= MUST NOT be empty", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "syntax"},
    {"The From header field MUST be signed (§5.4)", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=to:subject; bh=@; b=@",
     FORGE_ED, VERIFY_PERMERROR, "From is not signed"},
    {"h= names in any case, white space around colons",
     "v=1; a=ed25519-sha256; c=relaxed; d=example.nl; s=ed; h=FROM\r\n : sUBJECT\t:\r\n To; bh=@; b=@", FORGE_ED, VERIFY_PASS,
     ""},
    {"h= may name fields that do not exist: the null string (§3.5)",
     "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from:nosuch:reply-to; bh=@; b=@", FORGE_ED, VERIFY_PASS, ""},
    {"h= with an empty name", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from::to; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR,
     "syntax"},
    {"h= of a name that is no hdr-name", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from:a b; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "syntax"},
    {"bh= is base64; white space is ignored", "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from; b=@; bh=@", FORGE_ED,
     VERIFY_PASS, ""},
    /* RFC 8301 */
    {"rsa-sha1 MUST NOT be used (RFC 8301 3.1)", "v=1; a=rsa-sha1; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_RSA2048,
     VERIFY_POLICY, "historic"},
    {"Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid (RFC 8301 3.2)",
     "v=1; a=rsa-sha256; d=example.nl; s=short; h=from; bh=@; b=@", FORGE_RSA512, VERIFY_POLICY, "1024"},
    {"Signers SHOULD use at least 2048 bits: weak, and said so", "v=1; a=rsa-sha256; d=example.nl; s=weak; h=from; bh=@; b=@",
     FORGE_RSA1024, VERIFY_PASS, "weak"},
    {"rsa-sha256 of 2048 bits", "v=1; a=rsa-sha256; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_RSA2048, VERIFY_PASS, ""},
    /* RFC 8463 */
    {"ed25519-sha256 with an RSA key", "v=1; a=ed25519-sha256; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_ED,
     VERIFY_PERMERROR, "algorithm"},
    {"rsa-sha256 with an Ed25519 key", "v=1; a=rsa-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_RSA2048,
     VERIFY_PERMERROR, "algorithm"},
    {"unknown algorithms", "v=1; a=ed448-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, VERIFY_PERMERROR, "algorithm"},
};

START_TEST(clauses)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verification v = forge_one("", cases[i].tags, cases[i].key, message, NULL);
        ck_assert_msg(v.result == cases[i].want && strstr(v.reason, cases[i].reason) != NULL, "%s: %s: %s", cases[i].clause,
                      verify_result_name(v.result), v.reason);
    }
}
END_TEST

/* §3.7: "the value of the b= tag (including all surrounding whitespace) deleted"; of this signature only. */
START_TEST(own_signature)
{
    struct buf whole = BUF_INIT, signed_once = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    const char *tags = "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from:dkim-signature; bh=@; b=@";
    const char *spaced = " v=1; a=ed25519-sha256; c=simple/simple; d=example.nl; s=ed; h=from; b=@; bh=@";
    forge_sign(bytes_str(message), tags, FORGE_ED, &signed_once);
    buf_add_str(&signed_once, message);
    forge_sign(buf_bytes(&signed_once), tags, FORGE_ED, &whole); /* covers the first */
    buf_add(&whole, buf_bytes(&signed_once));
    ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 2);
    ck_assert_int_eq(v[0].result, VERIFY_PASS);
    ck_assert_int_eq(v[1].result, VERIFY_FAIL); /* its h= says that there is no other */

    /* white space put around b='s value later is cut out with it, in simple too */
    buf_clear(&whole);
    forge_sign(bytes_str(message), spaced, FORGE_ED, &whole);
    struct buf folded = BUF_INIT;
    const char *b = strstr(buf_cstr(&whole), " b=") + 3;
    size_t before = (size_t)(b - buf_cstr(&whole));
    buf_add(&folded, bytes_of(buf_cstr(&whole), before));
    buf_add_str(&folded, "\r\n\t");
    buf_add(&folded, bytes_of(b, 20));
    buf_add_str(&folded, "\r\n  ");
    const char *rest = b + 20;
    buf_add(&folded, bytes_of(rest, strcspn(rest, ";")));
    buf_add_str(&folded, " \t");
    buf_add_str(&folded, rest + strcspn(rest, ";"));
    buf_add_str(&folded, message);
    ck_assert_uint_eq(forge_verify(buf_bytes(&folded), forge_zone_default, v), 1);
    ck_assert_msg(v[0].result == VERIFY_PASS, "%s", v[0].reason);
    buf_free(&whole);
    buf_free(&folded);
    buf_free(&signed_once);
}
END_TEST

/* §5.4.2: "the last instance of the header field in the header block ... and so on up": bottom-up. */
START_TEST(bottom_up)
{
    static const char many[] = "From: jan@example.nl\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n";
    const char *two = "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from:x:x; bh=@; b=@";
    ck_assert_int_eq(forge_one("X: 0\r\n", two, FORGE_ED, many, NULL).result, VERIFY_PASS); /* on top: not covered */
    struct buf whole = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    forge_sign(bytes_str(many), two, FORGE_ED, &whole);
    buf_add_str(&whole, "From: jan@example.nl\r\nX: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\n\r\n"); /* below: in place of the last */
    (void)forge_verify(buf_bytes(&whole), forge_zone_default, v);
    ck_assert_int_eq(v[0].result, VERIFY_FAIL);
    buf_free(&whole);
}
END_TEST

/* §6.1: "Verifiers MUST ... a result for each signature": good, bad and unreadable ones do not change each other. */
START_TEST(each_on_its_own)
{
    struct buf whole = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    buf_add_str(&whole, "DKIM-Signature: nonsense\r\nDKIM-Signature:\r\n");
    forge_sign(bytes_str(message), "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_RSA2048,
               &whole);
    buf_add_str(&whole, "dkim-signature : v=1; a=rsa-sha256; d=example.nl; s=rsa; h=from; bh=AAAA; b=AAAA\r\n");
    forge_sign(bytes_str(message), "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@", FORGE_ED, &whole);
    buf_add_str(&whole, message);
    static const enum verify_result want[] = {VERIFY_PERMERROR, VERIFY_PERMERROR, VERIFY_PASS, VERIFY_PERMERROR, VERIFY_PASS};
    ck_assert_uint_eq(forge_verify(buf_bytes(&whole), forge_zone_default, v), 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(v[i].result, want[i]);
    ck_assert_uint_eq(forge_verify(bytes_str(message), forge_zone_default, v), 0); /* §6.1: none is no failure */
    buf_free(&whole);
}
END_TEST

UNIT_MAIN("rfc6376_signature", clauses, own_signature, bottom_up, each_on_its_own)
