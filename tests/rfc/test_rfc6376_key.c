/* RFC 6376 §3.6.1, §6.1.2; RFC 8463 §4: the key record. */
#include "forge.h"

static const char message[] = "From: jan@example.nl\r\n\r\nHello.\r\n";

#define ED "v=1; a=ed25519-sha256; d=example.nl; s=k; h=from; bh=@; b=@"
#define ED_I "v=1; a=ed25519-sha256; d=example.nl; s=k; i=@a.example.nl; h=from; bh=@; b=@"
#define ED_SAME "v=1; a=ed25519-sha256; d=example.nl; s=k; i=jan@EXAMPLE.nl; h=from; bh=@; b=@"
#define RSA "v=1; a=rsa-sha256; d=example.nl; s=k; h=from; bh=@; b=@"

static const struct {
    const char *clause, *record, *tags;
    enum verify_result want;
    const char *reason;
} cases[] = {
    {"v= RECOMMENDED, default DKIM1", "k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"v= MUST be the first tag in the record", "k=ed25519; v=DKIM1; p=@ed", ED, VERIFY_PERMERROR, "key syntax"},
    {"Records beginning with a v= of any other value MUST be discarded", "v=DKIM2; k=ed25519; p=@ed", ED, VERIFY_PERMERROR,
     "key syntax"},
    {"\"DKIM1\" without the quotes: compared as a string", "v=dkim1; k=ed25519; p=@ed", ED, VERIFY_PERMERROR, "key syntax"},
    {"h= default: all hash algorithms", "v=DKIM1; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"h= colon-separated, unrecognized ones MUST be ignored", "h=sha1 : sha256:sha3; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"h= does not list the signature's", "h=sha1; k=ed25519; p=@ed", ED, VERIFY_PERMERROR, "hash"},
    {"k= default rsa", "p=@rsa2048", RSA, VERIFY_PASS, ""},
    {"k=rsa", "v=DKIM1; k=rsa; p=@rsa2048", RSA, VERIFY_PASS, ""},
    {"k= unrecognized key types MUST be ignored", "v=DKIM1; k=dsa; p=@rsa2048", RSA, VERIFY_PERMERROR, "key algorithm"},
    {"p= as SubjectPublicKeyInfo, as everybody has it", "p=@rsa2048", RSA, VERIFY_PASS, ""},
    {"p= as RSAPublicKey, as the ABNF's comment says", "p=@bare2048", RSA, VERIFY_PASS, ""},
    {"n= notes are not interpreted", "v=DKIM1; n=Not=20a=20key; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"p= REQUIRED", "v=DKIM1; k=ed25519", ED, VERIFY_PERMERROR, "key syntax"},
    {"An empty value means that this public key has been revoked", "v=DKIM1; k=ed25519; p=", ED, VERIFY_PERMERROR, "revoked"},
    {"... with white space it is empty still", "v=DKIM1; k=ed25519; p= ;", ED, VERIFY_PERMERROR, "revoked"},
    {"p= is base64, white space ignored", "v=DKIM1; k=ed25519; p=  @ed  ", ED, VERIFY_PASS, ""},
    {"p= that is no base64", "v=DKIM1; k=ed25519; p=*@ed", ED, VERIFY_PERMERROR, "cannot be read"},
    {"s= default *", "v=DKIM1; s=*; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"s=email", "v=DKIM1; s=tlsrpt:email; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"s= another service", "v=DKIM1; s=tlsrpt; k=ed25519; p=@ed", ED, VERIFY_PERMERROR, "service"},
    {"t=s: any i= MUST have the same domain as d=", "v=DKIM1; t=s; k=ed25519; p=@ed", ED_I, VERIFY_PERMERROR, "subdomain"},
    {"... among other flags", "v=DKIM1; t=x:s; k=ed25519; p=@ed", ED_I, VERIFY_PERMERROR, "subdomain"},
    {"... in any case", "v=DKIM1; t=s; k=ed25519; p=@ed", ED_SAME, VERIFY_PASS, ""},
    {"... and without i= it is", "v=DKIM1; t=s; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"without t=s a subdomain may be named", "v=DKIM1; k=ed25519; p=@ed", ED_I, VERIFY_PASS, ""},
    {"unrecognized flags MUST be ignored", "v=DKIM1; t=zz:q; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"unrecognized tags MUST be ignored", "v=DKIM1; zz=1; g=nobody; k=ed25519; p=@ed", ED, VERIFY_PASS, ""},
    {"duplicate tags make no tag list (§3.2)", "v=DKIM1; k=ed25519; p=@ed; p=@ed", ED, VERIFY_PERMERROR, "key syntax"},
    {"Ed25519: the raw 32 octets, not SubjectPublicKeyInfo (RFC 8463 §4)",
     "k=ed25519; p=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", ED, VERIFY_PERMERROR, "cannot be read"},
    {"Ed25519: k= says so, or it is RSA", "p=@ed", ED, VERIFY_PERMERROR, "key algorithm"},
    {"RSA: an Ed25519 SubjectPublicKeyInfo is none", "k=rsa; p=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", RSA,
     VERIFY_PERMERROR, "cannot be read"},
    {"RSA: nothing may stand behind the key", "k=rsa; p=MAYCAQMCAQMA", RSA, VERIFY_PERMERROR, "cannot be read"},
    {"a record of something else", "v=spf1 include:example.org -all", ED, VERIFY_PERMERROR, "key syntax"},
    {"an empty record", "", ED, VERIFY_PERMERROR, "key syntax"},
};

START_TEST(clauses)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct forge_zone zone[] = {{"k._domainkey.example.nl", cases[i].record}, {NULL, NULL}};
        bool ed = strstr(cases[i].tags, "ed25519") != NULL;
        struct verification v = forge_one("", cases[i].tags, ed ? FORGE_ED : FORGE_RSA2048, message, zone);
        ck_assert_msg(v.result == cases[i].want && strstr(v.reason, cases[i].reason) != NULL, "%s: %s: %s", cases[i].clause,
                      verify_result_name(v.result), v.reason);
    }
}
END_TEST

/* t=y: "Verifiers MUST NOT treat messages from Signers in testing mode differently from unsigned email": told, not hidden. */
START_TEST(testing)
{
    static const struct forge_zone zone[] = {{"k._domainkey.example.nl", "v=DKIM1; t=y:zz; k=ed25519; p=@ed"}, {NULL, NULL}};
    struct verification v = forge_one("", ED, FORGE_ED, message, zone);
    ck_assert(v.result == VERIFY_PASS && v.testing);
    ck_assert(!forge_one("", "v=1; a=rsa-sha256; d=example.nl; s=rsa; h=from; bh=@; b=@", FORGE_RSA2048, message, NULL).testing);
}
END_TEST

/* What we publish is read again, by the same rules. */
START_TEST(made)
{
    static const enum forge_key keys[] = {FORGE_ED, FORGE_RSA2048};
    for (int i = 0; i < 2; i++) {
        unsigned char *der = NULL;
        uint8_t room[2048], small[64];
        struct out txt = out_of(room, sizeof room), little = out_of(small, 40);
        struct keyrecord r;
        int len = i2d_PUBKEY(forge_pkey(keys[i]), &der);
        struct digest_key *k = digest_key_from_spki(bytes_of(der, (size_t)len));
        struct sigheader sig = {.algorithm = i == 0 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256};
        keyrecord_make(k, &txt);
        ck_assert(!txt.overflow && keyrecord_parse(out_bytes(&txt), &sig, &r) == KEYRECORD_OK);
        ck_assert_uint_eq(digest_key_bits(r.key), i == 0 ? 256 : 2048);
        digest_key_free(r.key);
        keyrecord_make(k, &little);
        ck_assert(little.overflow);
        digest_key_free(k);
        OPENSSL_free(der);
    }
}
END_TEST

UNIT_MAIN("rfc6376_key", clauses, testing, made)
