/* The token layer against a real SoftHSM. */
#include <pthread.h>

#include "dkim/digest.h"
#include "pkcs11/attr.h"
#include "softhsm.h"
#include "unit.h"

static int64_t soon(void)
{
    return clock_monotonic_ms() + 10000;
}

static void make(struct token *t, enum key_type type, const char *label, struct key *k)
{
    struct buf why = BUF_INIT;
    ck_assert_msg(key_generate(t, type, type == KEY_RSA ? 2048 : 256, label, k, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
}

/* Signs and verifies; returns the error of sign_block. */
static int sign_and_verify(struct token *t, struct key *k)
{
    static const char block[] = "from:a@example.nl\r\ndkim-signature:b=";
    uint8_t hash[DKIM_HASH_LEN], sig[SIGN_MAX];
    struct buf why = BUF_INIT;
    size_t len;
    ck_assert(digest_sha256(bytes_str(block), hash));
    int err = sign_block(t, k, bytes_str(block), soon(), sig, &len, &why);
    if (err == ZEGEL_OK) {
        struct digest_key *public = digest_key_from_spki(bytes_of(k->spki, k->spki_len));
        ck_assert_ptr_nonnull(public);
        ck_assert(digest_verify(public, hash, bytes_of(sig, len)));
        digest_key_free(public);
    } else {
        ck_assert_uint_gt(why.len, 0);
        (void)fprintf(stderr, "%s\n", buf_cstr(&why));
    }
    buf_free(&why);
    return err;
}

START_TEST(generate_find_sign)
{
    struct buf why = BUF_INIT;
    struct key made, found;
    softhsm_start();
    struct token *t = softhsm_login(2);
    for (int type = KEY_RSA; type <= KEY_ED25519; type++) {
        const char *label = type == KEY_RSA ? "example.nl/r" : "example.nl/e";
        char uri[64];
        make(t, (enum key_type)type, label, &made);
        ck_assert_int_eq(sign_and_verify(t, &made), ZEGEL_OK);
        (void)snprintf(uri, sizeof uri, "pkcs11:token=zegel;object=%s", label);
        ck_assert_int_eq(key_find(t, uri, &found, &why), ZEGEL_OK);
        ck_assert(bytes_eq(bytes_of(made.spki, made.spki_len), bytes_of(found.spki, found.spki_len)));
        ck_assert_int_eq(sign_and_verify(t, &found), ZEGEL_OK);
        ck_assert_int_eq(key_generate(t, (enum key_type)type, 2048, label, &found, &why), ZEGEL_ERR_EXISTS);
        buf_clear(&why);
    }
    ck_assert_int_eq(key_find(t, "pkcs11:object=no/such", &found, &why), ZEGEL_ERR_KEY_GONE);
    ck_assert_int_eq(key_find(t, "pkcs11:token=zegel", &found, &why), ZEGEL_ERR_USAGE);
    ck_assert_int_eq(key_find(t, "no uri", &found, &why), ZEGEL_ERR_USAGE);
    token_close(t);
    softhsm_stop();
    buf_free(&why);
}
END_TEST

START_TEST(attributes_bind_the_key)
{
    struct buf why = BUF_INIT;
    struct key_attributes a;
    struct key k;
    CK_MECHANISM raw = {CKM_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE s;
    uint64_t epoch;
    softhsm_start();
    struct token *t = softhsm_login(2);
    make(t, KEY_RSA, "example.nl/r", &k);
    ck_assert_int_eq(key_attributes(t, &k, &a, &why), ZEGEL_OK);
    ck_assert(a.sign == 1 && a.sensitive == 1 && a.always_sensitive == 1 && a.extractable == 0 && a.never_extractable == 1);
    ck_assert(a.decrypt == 0 && a.unwrap == 0 && a.derive == 0 && a.sign_recover == 0 && a.modifiable == 0 && a.copyable == 0 &&
              a.local == 1);
    ck_assert(a.allowed_count == 1 && a.allowed[0] == CKM_SHA256_RSA_PKCS);
    /* the token itself refuses a bare digest (DESIGN §2 rule 7) */
    ck_assert_int_eq(token_acquire(t, soon(), &s, &epoch, &why), ZEGEL_OK);
    ck_assert_uint_eq(softhsm_module->f->C_SignInit(s, &raw, k.private_handle), CKR_MECHANISM_INVALID);
    token_release(t, s, epoch, CKR_OK);
    ck_assert_int_eq(key_destroy(t, &k, &why), ZEGEL_OK);
    ck_assert_int_eq(key_find(t, "pkcs11:object=example.nl%2Fr", &k, &why), ZEGEL_ERR_KEY_GONE);
    token_close(t);
    softhsm_stop();
    buf_free(&why);
}
END_TEST

START_TEST(wrong_pin_is_sent_once)
{
    struct buf why = BUF_INIT;
    softhsm_start();
    for (int i = 0; i < 5; i++) { /* each as after a restart */
        struct token *t = softhsm_token(2);
        buf_clear(&why);
        ck_assert_int_eq(token_login(t, BYTES_LIT("9999"), &why), ZEGEL_ERR_PIN);
        ck_assert_ptr_null(strstr(buf_cstr(&why), "9999"));
        ck_assert((strstr(buf_cstr(&why), "CKR_PIN_INCORRECT") != NULL) == (i == 0));
        ck_assert((strstr(buf_cstr(&why), "unlatch") != NULL));
        token_close(t);
        ck_assert_int_eq(latch_read(softhsm_latch, "t"), LATCH_REJECTED);
    }
    /* the right one neither, until a person says so */
    struct token *t = softhsm_token(2);
    ck_assert_int_eq(token_login(t, BYTES_LIT(SOFTHSM_PIN), &why), ZEGEL_ERR_PIN);
    ck_assert_int_eq(latch_write(softhsm_latch, "t", LATCH_OPEN, &why), ZEGEL_OK);
    buf_clear(&why);
    ck_assert_msg(token_login(t, BYTES_LIT(SOFTHSM_PIN), &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    ck_assert_int_eq(latch_read(softhsm_latch, "t"), LATCH_OPEN);
    token_close(t);
    softhsm_stop();
    buf_free(&why);
}
END_TEST

START_TEST(latch)
{
    struct buf why = BUF_INIT;
    char dir[] = "/tmp/zegel-latch-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(latch_read(dir, "t"), LATCH_OPEN);
    ck_assert_int_eq(latch_write(dir, "t", LATCH_TRYING, &why), ZEGEL_OK);
    ck_assert_int_eq(latch_read(dir, "t"), LATCH_TRYING);
    ck_assert_int_eq(latch_write(dir, "t", LATCH_REJECTED, &why), ZEGEL_OK);
    ck_assert_int_eq(latch_read(dir, "t"), LATCH_REJECTED);
    (void)snprintf(path, sizeof path, "%s/t.latch", dir);
    FILE *f = fopen(path, "w"); /* whatever it is, it is not an open latch */
    ck_assert_ptr_nonnull(f);
    (void)fputs("what?", f);
    (void)fclose(f);
    ck_assert_int_eq(latch_read(dir, "t"), LATCH_REJECTED);
    ck_assert_int_eq(latch_write(dir, "t", LATCH_OPEN, &why), ZEGEL_OK);
    ck_assert_int_eq(latch_read(dir, "t"), LATCH_OPEN);
    ck_assert_int_eq(latch_write(dir, "t", LATCH_OPEN, &why), ZEGEL_OK);
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert_int_eq(latch_write("/proc/nonexistent", "t", LATCH_TRYING, &why), ZEGEL_ERR_SYSTEM);
    ck_assert_str_eq(buf_cstr(&why),
                     "PIN latch /proc/nonexistent/t.latch: cannot be written: No such file or directory; no PIN was "
                     "sent to the token; free space in /proc/nonexistent or mend its permissions, then try again");
    buf_free(&why);
}
END_TEST

START_TEST(nothing_to_find)
{
    struct buf why = BUF_INIT;
    struct module *m;
    struct token *t;
    struct token_config cfg = {.name = "t", .uri = "pkcs11:token=other"};
    ck_assert_int_eq(module_open("/nonexistent.so", NULL, &m, &why), ZEGEL_ERR_MODULE);
    ck_assert_int_eq(module_open("relative.so", NULL, &m, &why), ZEGEL_ERR_MODULE);
    /* another hash than the pinned one: not loaded at all */
    ck_assert_int_eq(module_open("/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
                                 "0000000000000000000000000000000000000000000000000000000000000000", &m, &why),
                     ZEGEL_ERR_MODULE);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&why), "SHA-256"));
    ck_assert_int_eq(module_open("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", NULL, &m, &why), ZEGEL_ERR_MODULE);
    softhsm_start();
    ck_assert_int_eq(token_open(softhsm_module, &cfg, &t, &why), ZEGEL_ERR_TOKEN_GONE);
    ck_assert_ptr_null(t);
    cfg.uri = "pkcs11:token=zegel?pin-value=1234";
    buf_clear(&why);
    ck_assert_int_eq(token_open(softhsm_module, &cfg, &t, &why), ZEGEL_ERR_USAGE);
    ck_assert_ptr_null(strstr(buf_cstr(&why), "1234"));
    cfg.uri = "pkcs11:manufacturer=SoftHSM%20project";
    ck_assert_int_eq(token_open(softhsm_module, &cfg, &t, &why), ZEGEL_OK); /* the uninitialised slot is no match */
    token_close(t);
    softhsm_stop();
    buf_free(&why);
}
END_TEST

/* Every kind of loss, from outside: the next signature is made all the same, and the PIN sent again only where it must be. */
START_TEST(losses_are_mended)
{
    struct key r, e;
    softhsm_start();
    struct token *t = softhsm_login(3);
    CK_FUNCTION_LIST *f = softhsm_module->f;
    CK_SESSION_HANDLE s;
    make(t, KEY_RSA, "example.nl/r", &r);
    make(t, KEY_ED25519, "example.nl/e", &e);
    ck_assert_uint_eq(f->C_CloseAllSessions(t->slot), CKR_OK); /* sessions and login lost */
    ck_assert_int_eq(sign_and_verify(t, &r), ZEGEL_OK);
    ck_assert_int_eq(sign_and_verify(t, &e), ZEGEL_OK);
    ck_assert_uint_eq(f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
    ck_assert_uint_eq(f->C_Logout(s), CKR_OK); /* login lost */
    ck_assert_int_eq(sign_and_verify(t, &r), ZEGEL_OK);
    ck_assert_int_eq(sign_and_verify(t, &e), ZEGEL_OK);
    ck_assert_uint_eq(f->C_Logout(s), CKR_OK);
    ck_assert_uint_eq(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)SOFTHSM_PIN, 4), CKR_OK); /* handles stale */
    ck_assert_int_eq(sign_and_verify(t, &r), ZEGEL_OK);
    ck_assert_int_eq(sign_and_verify(t, &e), ZEGEL_OK);
    token_close(t);
    softhsm_stop();
}
END_TEST

/* A key of the same name that is another key: found again, and refused. */
START_TEST(swapped_key_is_noticed)
{
    struct buf why = BUF_INIT;
    struct key old, fresh;
    softhsm_start();
    struct token *t = softhsm_login(3);
    make(t, KEY_ED25519, "example.nl/e", &old);
    struct key copy = old;
    ck_assert_int_eq(key_destroy(t, &copy, &why), ZEGEL_OK);
    make(t, KEY_ED25519, "example.nl/e", &fresh);
    ck_assert_int_eq(sign_and_verify(t, &old), ZEGEL_ERR_KEY_GONE);
    ck_assert_int_eq(sign_and_verify(t, &fresh), ZEGEL_OK);
    token_close(t);
    softhsm_stop();
    buf_free(&why);
}
END_TEST

START_TEST(end_date_is_kept)
{
    struct key k;
    softhsm_start();
    struct token *t = softhsm_login(2);
    make(t, KEY_ED25519, "example.nl/e", &k);
    memcpy(k.end_date, "20200101", 9);
    ck_assert_int_eq(sign_and_verify(t, &k), ZEGEL_ERR_KEY_UNUSABLE);
    memcpy(k.end_date, "29991231", 9);
    ck_assert_int_eq(sign_and_verify(t, &k), ZEGEL_OK);
    token_close(t);
    softhsm_stop();
}
END_TEST

/* A key that was not made by us: date on the object itself, no CKA_ALLOWED_MECHANISMS. */
START_TEST(end_date_is_read_from_the_token)
{
    CK_MECHANISM gen = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG bits = 2048;
    CK_DATE end = {{'2', '0', '2', '0'}, {'0', '1'}, {'0', '1'}};
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, 1},
                             {CKA_MODULUS_BITS, &bits, sizeof bits},
                             {CKA_ID, (void *)(uintptr_t) "x", 1},
                             {CKA_END_DATE, &end, 8}};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, 1},
                              {CKA_SIGN, &yes, 1},
                              {CKA_ID, (void *)(uintptr_t) "x", 1},
                              {CKA_LABEL, (void *)(uintptr_t) "old", 3},
                              {CKA_END_DATE, &end, 8}};
    CK_OBJECT_HANDLE a, b;
    CK_SESSION_HANDLE s;
    struct buf why = BUF_INIT;
    struct key k;
    uint64_t epoch;
    softhsm_start();
    struct token *t = softhsm_login(2);
    ck_assert_int_eq(token_acquire(t, soon(), &s, &epoch, &why), ZEGEL_OK);
    ck_assert_uint_eq(softhsm_module->f->C_GenerateKeyPair(s, &gen, public, 4, private, 5, &a, &b), CKR_OK);
    token_release(t, s, epoch, CKR_OK);
    ck_assert_int_eq(key_find(t, "pkcs11:object=old", &k, &why), ZEGEL_OK);
    ck_assert_str_eq(k.end_date, "20200101");
    ck_assert_int_eq(sign_and_verify(t, &k), ZEGEL_ERR_KEY_UNUSABLE);
    k.end_date[0] = '\0';
    k.mechanism = CKM_RSA_PKCS; /* we hash: the same signature must come out */
    ck_assert_int_eq(sign_and_verify(t, &k), ZEGEL_OK);
    /* a date on the private half alone, which SoftHSM keeps and cannot show: not a key without a date */
    ck_assert_int_eq(token_acquire(t, soon(), &s, &epoch, &why), ZEGEL_OK);
    public[2].pValue = private[2].pValue = (void *)(uintptr_t) "y";
    private[3].pValue = (void *)(uintptr_t) "odd";
    ck_assert_uint_eq(softhsm_module->f->C_GenerateKeyPair(s, &gen, public, 3, private, 5, &a, &b), CKR_OK);
    token_release(t, s, epoch, CKR_OK);
    ck_assert_int_eq(key_find(t, "pkcs11:object=odd", &k, &why), ZEGEL_ERR_KEY_UNUSABLE);
    token_close(t);
    softhsm_stop();
    buf_free(&why);
}
END_TEST

static struct {
    struct token *t;
    struct key *r, *e;
    int failures;
} shared;

static void *sign_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        if (sign_and_verify(shared.t, i % 2 == 0 ? shared.r : shared.e) != ZEGEL_OK)
            __atomic_fetch_add(&shared.failures, 1, __ATOMIC_RELAXED);
    return NULL;
}

START_TEST(eight_threads_three_sessions)
{
    pthread_t threads[8];
    struct key r, e;
    CK_SESSION_HANDLE s;
    softhsm_start();
    struct token *t = softhsm_login(3);
    make(t, KEY_RSA, "example.nl/r", &r);
    make(t, KEY_ED25519, "example.nl/e", &e);
    shared.t = t;
    shared.r = &r;
    shared.e = &e;
    shared.failures = 0;
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sign_much, NULL), 0);
    for (int i = 0; i < 5; i++) { /* and the login goes from under them */
        (void)usleep(20000);
        if (softhsm_module->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &s) == CKR_OK) {
            (void)softhsm_module->f->C_Logout(s);
            (void)softhsm_module->f->C_CloseSession(s);
        }
    }
    for (int i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_int_eq(shared.failures, 0);
    ck_assert_uint_le(t->open_count, 3);
    token_close(t);
    softhsm_stop();
}
END_TEST

UNIT_MAIN("pkcs11", generate_find_sign, attributes_bind_the_key, wrong_pin_is_sent_once, latch, nothing_to_find,
          losses_are_mended, swapped_key_is_noticed, end_date_is_kept, end_date_is_read_from_the_token,
          eight_threads_three_sessions)
