/* What the signer knows of keys: the first public key that verified a signature is the only one, over restarts. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "forge.h"
#include "signer/keyring.h"
#include "tempdir.h"

#define URI "pkcs11:token=t;object=example.nl/s"

static char dir[64];
static struct audit *audit;
static struct buf why;

static void begin(void)
{
    struct audit_config cfg = {.dir = dir, .origin = "o", .segment_max = 1 << 20};
    (void)snprintf(dir, sizeof dir, "/tmp/zegel-keyring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(audit_open(&cfg, &audit, &why), ZEGEL_OK);
}

static void end(void)
{
    audit_close(audit);
    tempdir_remove(dir);
    buf_free(&why);
}

static struct bytes file_path(char path[128])
{
    (void)snprintf(path, 128, "%s/" KEYRING_FILE, dir);
    return bytes_str(path);
}

static void write_file(const char *text)
{
    char path[128];
    (void)file_path(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert(fd >= 0 && io_write(fd, bytes_str(text)));
    (void)close(fd);
}

static void expect_file(const char *want)
{
    char path[128];
    struct buf have = BUF_INIT;
    (void)file_path(path);
    ck_assert_int_eq(io_read_file(path, 10000, &have, &why), ZEGEL_OK);
    ck_assert_str_eq(buf_cstr(&have), want);
    buf_free(&have);
}

/* A key made here, its SPKI, and a signature by it over `hash`. */
struct made {
    EVP_PKEY *pkey;
    uint8_t *spki;
    size_t spki_len;
    uint8_t sig[64];
};

static const uint8_t hash[DKIM_HASH_LEN] = {1, 2, 3};

static struct made make_key(void)
{
    struct made m = {.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = sizeof m.sig;
    int n = i2d_PUBKEY(m.pkey, &m.spki);
    ck_assert_int_gt(n, 0);
    m.spki_len = (size_t)n;
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, m.pkey), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, m.sig, &len, hash, sizeof hash), 1);
    EVP_MD_CTX_free(ctx);
    return m;
}

static void free_key(struct made *m)
{
    OPENSSL_free(m->spki);
    EVP_PKEY_free(m->pkey);
}

static int check(struct keyring *r, const struct made *shown, const struct made *signer)
{
    const char *clause = "";
    return known_key_check(r, keyring_get(r, URI), bytes_of(shown->spki, shown->spki_len), true, hash,
                           bytes_of(signer->sig, sizeof signer->sig), &clause);
}

/* As if the process had ended. */
static void forget_all(struct keyring *r)
{
    struct known_key *k = keyring_get(r, URI);
    digest_key_free(k->key);
    k->key = NULL;
    *r = (struct keyring){0}; /* the tree leaks; a keyring lives as long as its process */
}

START_TEST(pinned_over_a_restart)
{
    struct keyring r = {0};
    struct made mine = make_key(), theirs = make_key();
    begin();
    ck_assert_int_eq(keyring_load(&r, audit, &why), ZEGEL_OK);
    ck_assert_int_eq(check(&r, &mine, &mine), ZEGEL_OK);
    ck_assert_int_eq(check(&r, &theirs, &theirs), ZEGEL_ERR_KEY_UNUSABLE);
    ck_assert_int_eq(keyring_save(&r, audit, &why), ZEGEL_OK);
    forget_all(&r);
    ck_assert_int_eq(keyring_load(&r, audit, &why), ZEGEL_OK);
    ck_assert_int_eq(check(&r, &theirs, &theirs), ZEGEL_ERR_KEY_UNUSABLE);
    ck_assert_int_eq(check(&r, &mine, &mine), ZEGEL_OK);
    ck_assert_uint_eq(r.fresh.len, 0); /* known: not written again */
    forget_all(&r);
    end();
    free_key(&mine);
    free_key(&theirs);
}
END_TEST

/* Only a key that has verified a signature is kept: what a broken token shows once does not lock the right one out for ever. */
START_TEST(kept_once_it_verified)
{
    struct keyring r = {0};
    struct made mine = make_key(), theirs = make_key();
    begin();
    ck_assert_int_eq(check(&r, &theirs, &mine), ZEGEL_ERR_BAD_SIGNATURE);
    ck_assert_uint_eq(r.fresh.len, 0);
    forget_all(&r);
    ck_assert_int_eq(check(&r, &mine, &mine), ZEGEL_OK);
    ck_assert_uint_gt(r.fresh.len, 0);
    buf_free(&r.fresh);
    forget_all(&r);
    end();
    free_key(&mine);
    free_key(&theirs);
}
END_TEST

START_TEST(forgotten)
{
    struct keyring r = {0};
    struct made mine = make_key(), theirs = make_key();
    begin();
    ck_assert_int_eq(check(&r, &mine, &mine), ZEGEL_OK);
    ck_assert_int_eq(keyring_save(&r, audit, &why), ZEGEL_OK);
    ck_assert_int_eq(audit_side_append(audit, KEYRING_FILE, BYTES_LIT(KEYRING_FORGOTTEN " " URI "\n"), &why), ZEGEL_OK);
    forget_all(&r);
    ck_assert_int_eq(keyring_load(&r, audit, &why), ZEGEL_OK);
    ck_assert_int_eq(check(&r, &theirs, &theirs), ZEGEL_OK);
    ck_assert_int_eq(keyring_save(&r, audit, &why), ZEGEL_OK);
    forget_all(&r);
    ck_assert_int_eq(keyring_load(&r, audit, &why), ZEGEL_OK); /* the last line counts */
    ck_assert_int_eq(check(&r, &mine, &mine), ZEGEL_ERR_KEY_UNUSABLE);
    ck_assert_int_eq(check(&r, &theirs, &theirs), ZEGEL_OK);
    forget_all(&r);
    end();
    free_key(&mine);
    free_key(&theirs);
}
END_TEST

/* Half a line was never whole, and nothing left for it; what follows must not be glued to it. */
START_TEST(half_a_line)
{
    static const char whole[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff " URI "\n";
    struct keyring r = {0};
    char text[300];
    begin();
    (void)snprintf(text, sizeof text, "%s00112233 pkcs11:half", whole);
    write_file(text);
    ck_assert_int_eq(keyring_load(&r, audit, &why), ZEGEL_OK);
    expect_file(whole);
    ck_assert(keyring_get(&r, URI)->pinned);
    ck_assert(!keyring_get(&r, "pkcs11:half")->pinned);
    forget_all(&r);
    end();
}
END_TEST

START_TEST(strange_lines)
{
    static const char *const lines[] = {"\n",
                                        " \n",
                                        "x\n",
                                        "0011 " URI "\n",
                                        "forgotten\n",
                                        "forgotten \n",
                                        "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff " URI "\n"};
    struct keyring r = {0};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert(keyring_parse(&r, bytes_str(lines[i])));
    ck_assert(!keyring_get(&r, URI)->pinned);
    forget_all(&r);
}
END_TEST

/* What cannot be written down is tried again, and is not forgotten meanwhile. */
START_TEST(no_disk)
{
    struct keyring r = {0};
    struct made mine = make_key();
    char path[128];
    begin();
    (void)file_path(path);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* root may write any file, but not this */
    ck_assert_int_eq(keyring_load(&r, audit, &why), ZEGEL_ERR_SYSTEM);
    buf_clear(&why);
    ck_assert_int_eq(check(&r, &mine, &mine), ZEGEL_OK);
    ck_assert_int_eq(keyring_save(&r, audit, &why), ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(keyring_save(&r, audit, &why), ZEGEL_OK);
    ck_assert_uint_eq(r.fresh.len, 0);
    forget_all(&r);
    end();
    free_key(&mine);
}
END_TEST

UNIT_MAIN("keyring", pinned_over_a_restart, kept_once_it_verified, forgotten, half_a_line, strange_lines, no_disk)
