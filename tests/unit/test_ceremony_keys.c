/* Public keys that an honest token does not make, each refused for its reason. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "ceremony/keycheck.h"
#include "ceremony/standing.h"
#include "ceremony/words.h"
#include "unit.h"

static struct buf why;

START_TEST(honest_keys)
{
    for (int i = 0; i < 3; i++) {
        EVP_PKEY *key = i < 2 ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(key, &der);
        ck_assert_int_eq(keycheck(bytes_of(der, (size_t)len), i < 2 ? PLAN_RSA2048 : PLAN_ED25519, &why), ZEGEL_OK);
        ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len), i < 2 ? PLAN_RSA4096 : PLAN_RSA2048, &why), ZEGEL_OK);
        ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len - 1), i < 2 ? PLAN_RSA2048 : PLAN_ED25519, &why), ZEGEL_OK);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}
END_TEST

/* What makes a modulus weak is tested in test_rsacheck.c; here, that it is asked. */
START_TEST(weak_rsa)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len), PLAN_RSA2048, &why), ZEGEL_OK);
    der[len - 1] ^= 2; /* the exponent */
    ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len), PLAN_RSA2048, &why), ZEGEL_OK);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    key = EVP_RSA_gen(2048);
    der = NULL;
    len = i2d_PUBKEY(key, &der);
    der[len - 1] ^= 2; /* 65539 */
    buf_clear(&why);
    ck_assert_int_ne(keycheck(bytes_of(der, (size_t)len), PLAN_RSA2048, &why), ZEGEL_OK);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "exponent"));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    buf_free(&why);
}
END_TEST

/* When a key may have signed mail, by what a ceremony did to it: five minutes of difference between clocks are no offence. */
START_TEST(times_of_signing)
{
    const int64_t acted = 1000000, until = 2000000, skew = STANDING_SKEW_S;
    ck_assert_ptr_null(standing_signed_wrongly(PLAN_GENERATE, acted, until, acted - skew, until * 9));
    ck_assert_ptr_nonnull(standing_signed_wrongly(PLAN_GENERATE, acted, until, acted - skew - 1, acted));
    ck_assert_ptr_null(standing_signed_wrongly(PLAN_ACTIVATE, acted, until, acted - skew, until * 9));
    ck_assert_ptr_nonnull(standing_signed_wrongly(PLAN_ACTIVATE, acted, until, acted - skew - 1, acted));
    ck_assert_ptr_null(standing_signed_wrongly(PLAN_RETIRE, acted, until, 1, until + skew));
    ck_assert_ptr_nonnull(standing_signed_wrongly(PLAN_RETIRE, acted, until, 1, until + skew + 1));
    ck_assert_ptr_null(standing_signed_wrongly(PLAN_DESTROY, acted, until, 1, acted + skew));
    ck_assert_ptr_nonnull(standing_signed_wrongly(PLAN_DESTROY, acted, until, 1, acted + skew + 1));
}
END_TEST

/* The fingerprint that descriptions of the PGP word list give as their example, and behind it octets 00. */
START_TEST(read_aloud)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    words_print(f, "  ", "e58294f2e9a227486e8b061b31cc528fd7fa3f19000000000000000000000000");
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_str_eq(text, "  e582 94f2 e9a2 2748 6e8b 061b 31cc 528f\n"
                           "  d7fa 3f19 0000 0000 0000 0000 0000 0000\n"
                           "  topmost Istanbul Pluto vagabond\n"
                           "  treadmill Pacific brackish dictator\n"
                           "  goldfish Medusa afflict bravado\n"
                           "  chatter revolver Dupont midsummer\n"
                           "  stopwatch whimsical cowbell bottomless\n"
                           "  aardvark adroitness aardvark adroitness\n"
                           "  aardvark adroitness aardvark adroitness\n"
                           "  aardvark adroitness aardvark adroitness\n");
    free(text);
}
END_TEST

/* `words` at octet `at` (0: even ones, 1: odd ones) for `octet`; the caller frees. */
static char *word_for(unsigned octet, int at)
{
    char hash[65], *text = NULL, *word = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    for (int i = 0; i < 32; i++)
        (void)snprintf(hash + 2 * i, 3, "%02x", octet);
    words_print(f, "", hash);
    ck_assert_int_eq(fclose(f), 0);
    const char *line = strchr(strchr(text, '\n') + 1, '\n') + 1; /* behind the hexadecimal */
    ck_assert_int_eq(sscanf(line, at == 0 ? "%ms" : "%*s %ms", &word), 1);
    free(text);
    return word;
}

/* No word stands for two octets, nor for one at an even and one at an odd place: swapped and dropped ones are heard. */
START_TEST(no_word_twice)
{
    char *words[512];
    for (int i = 0; i < 512; i++)
        words[i] = word_for((unsigned)i / 2, i % 2);
    for (int i = 0; i < 512; i++)
        for (int n = 0; n < i; n++)
            ck_assert_str_ne(words[i], words[n]);
    for (int i = 0; i < 512; i++)
        free(words[i]);
}
END_TEST

UNIT_MAIN("ceremony_keys", honest_keys, weak_rsa, times_of_signing, read_aloud, no_word_twice)
