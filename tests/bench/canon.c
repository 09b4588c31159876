/* canon: octets/s of canonicalising and hashing a body as zegel-milter does, beside SHA-256 alone over the same octets: in one
 * process, the two in turn. One line per case: "SIZE KIND CONTENT ratio MB/s MB/s". */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dkim/sign.h"

enum { ROUNDS = 9, ROUND_OCTETS = 48 * 1024 * 1024, CHUNK = 65536 /* libmilter's */ };

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Prose: lines of 60 to 78 octets; every eighth has white space at its end, two spaces after a full stop or a tab. */
static void fill_prose(uint8_t *body, size_t len)
{
    static const char words[] =
        "the minister answers that a letter of the chamber was sent on time and that it can be read by all ";
    static const char *const ends[] = {"\r\n", "\r\n", "\r\n", ".  So \r\n", "\r\n", "\r\n", "\r\n\r\n", "\tx\r\n"};
    size_t at = 0;
    for (unsigned line = 0; at < len; line++) {
        size_t n = 60 + line * 7 % 19;
        for (size_t i = 0; i < n && at < len; i++)
            body[at++] = i == n - 1 ? 'e' : (uint8_t)words[(line * 11 + i) % (sizeof words - 1)];
        for (const char *e = ends[line % 8]; *e != '\0' && at < len; e++)
            body[at++] = (uint8_t)*e;
    }
}

/* An attachment: base64 in lines of 76. */
static void fill_base64(uint8_t *body, size_t len)
{
    for (size_t i = 0; i < len; i++)
        body[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : (uint8_t)("ABCDEFGHIJKLMNOP"[i * 7 % 16]);
}

static double hash_alone(EVP_MD_CTX *ctx, const EVP_MD *md, struct bytes body)
{
    uint8_t hash[DKIM_HASH_LEN];
    double begin = now();
    for (size_t done = 0; done < ROUND_OCTETS; done += body.len) {
        (void)EVP_DigestInit_ex(ctx, md, NULL);
        (void)EVP_DigestUpdate(ctx, body.data, body.len);
        (void)EVP_DigestFinal_ex(ctx, hash, NULL);
    }
    return now() - begin;
}

static double canonicalise(struct dkim_sign *s, bool relaxed, struct bytes body)
{
    double begin = now();
    for (size_t done = 0; done < ROUND_OCTETS; done += body.len) {
        dkim_sign_body_start(s, !relaxed, relaxed);
        for (size_t at = 0; at < body.len; at += CHUNK)
            dkim_sign_body(s, bytes_slice(body, at, at + CHUNK));
        if (!dkim_sign_body_end(s))
            abort();
    }
    return now() - begin;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static const size_t sizes[] = {2 * 1024, 200 * 1024, 2 * 1024 * 1024};
    static uint8_t body[2 * 1024 * 1024];
    struct dkim_sign *s = dkim_sign_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (s == NULL || ctx == NULL || md == NULL)
        return 1;
    for (int base64 = 0; base64 < 2; base64++)
        for (size_t i = 0; i < 3; i++)
            for (int relaxed = 0; relaxed < 2; relaxed++) {
                double ratio[ROUNDS], alone = 0, canon = 0;
                (base64 ? fill_base64 : fill_prose)(body, sizes[i]);
                for (int round = 0; round < ROUNDS; round++) {
                    double a = hash_alone(ctx, md, bytes_of(body, sizes[i]));
                    double c = canonicalise(s, relaxed, bytes_of(body, sizes[i]));
                    ratio[round] = a / c;
                    alone += a;
                    canon += c;
                }
                qsort(ratio, ROUNDS, sizeof ratio[0], by_value);
                (void)printf("%zu %s %s %.3f %.0f %.0f\n", sizes[i], relaxed ? "relaxed" : "simple", base64 ? "base64" : "prose",
                             ratio[ROUNDS / 2], ROUNDS * 48.0 / canon, ROUNDS * 48.0 / alone);
            }
    EVP_MD_free(md);
    EVP_MD_CTX_free(ctx);
    dkim_sign_free(s);
    return 0;
}
