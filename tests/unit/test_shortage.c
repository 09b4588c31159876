/* libcrypto finds no memory, at each of its allocations in turn: nothing verifies that should not, nothing crashes, nothing
 * leaks. */
#include <openssl/crypto.h>

#include "forge.h"

static long countdown = -1; /* this many allocations succeed, then one fails; below 0: all succeed */

static bool fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

static void *allocate(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(n);
}

static void *reallocate(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(p, n);
}

static void release(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static struct buf record; /* made while there is memory */

static enum verify_key_status lookup(void *arg, const char *name, struct verify_key *key)
{
    (void)arg;
    (void)name;
    out_add(&key->txt, buf_bytes(&record));
    return VERIFY_KEY_FOUND;
}

static const char message[] = "From: jan@example.nl\r\n\r\nHello.\r\n";

static void with_each_failure(enum forge_key key, const char *tags)
{
    struct buf good = BUF_INIT, bad = BUF_INIT;
    struct verification v[VERIFY_RESULTS_MAX];
    unsigned failed = 0;
    long n = 0;
    buf_clear(&record);
    forge_record(key == FORGE_ED ? "k=ed25519; p=@ed" : "p=@rsa2048", &record);
    forge_sign(bytes_str(message), tags, key, &good);
    buf_add(&bad, buf_bytes(&good));
    buf_add_str(&good, message);
    buf_add_str(&bad, "From: jan@example.nl\r\n\r\nJello.\r\n");
    struct dkim_sign *m = dkim_sign_new();
    for (bool over = false; !over; n++) {
        forge_feed(m, buf_bytes(&good), 4096);
        countdown = n;
        ck_assert_uint_eq(verify_message(m, FORGE_NOW, lookup, NULL, v), 1);
        over = countdown >= 0; /* it needed fewer than n */
        countdown = -1;
        failed += v[0].result != VERIFY_PASS;
        forge_feed(m, buf_bytes(&bad), 4096);
        countdown = n;
        (void)verify_message(m, FORGE_NOW, lookup, NULL, v);
        countdown = -1;
        ck_assert_int_ne(v[0].result, VERIFY_PASS);
        ck_assert_int_lt(n, 5000);
    }
    ck_assert_uint_gt(failed, 5);
    forge_feed(m, buf_bytes(&good), 4096);
    ck_assert_uint_eq(verify_message(m, FORGE_NOW, lookup, NULL, v), 1);
    ck_assert_int_eq(v[0].result, VERIFY_PASS); /* it is over with the shortage */
    dkim_sign_free(m);
    buf_free(&good);
    buf_free(&bad);
    buf_free(&record);
}

START_TEST(verifying_rsa)
{
    with_each_failure(FORGE_RSA2048, "v=1; a=rsa-sha256; d=example.nl; s=rsa; h=from; bh=@; b=@");
}
END_TEST

START_TEST(verifying_ed25519)
{
    with_each_failure(FORGE_ED, "v=1; a=ed25519-sha256; d=example.nl; s=ed; h=from; bh=@; b=@");
}
END_TEST

START_TEST(starting)
{
    unsigned failed = 0;
    for (long n = 0; n < 200; n++) {
        uint8_t hash[DKIM_HASH_LEN], right[DKIM_HASH_LEN];
        countdown = n;
        struct dkim_sign *m = dkim_sign_new();
        if (m != NULL) {
            dkim_sign_body_start(m, true, true);
            dkim_sign_body(m, BYTES_LIT("x\r\n"));
            (void)dkim_sign_body_end(m);
        }
        failed += m == NULL;
        bool hashed = digest_sha256(BYTES_LIT("x"), hash);
        countdown = -1;
        ck_assert(digest_sha256(BYTES_LIT("x"), right));
        ck_assert(!hashed || memcmp(hash, right, sizeof hash) == 0);
        dkim_sign_free(m);
    }
    ck_assert_uint_gt(failed, 1);
    dkim_sign_free(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {starting, verifying_rsa, verifying_ed25519};
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
        return EXIT_FAILURE;
    return unit_run("shortage", tests, sizeof tests / sizeof tests[0]);
}
