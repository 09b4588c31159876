/* softhsm: a SoftHSM of the test's own, in a directory that goes away with it. */
#ifndef ZEGEL_TEST_SOFTHSM_H
#define ZEGEL_TEST_SOFTHSM_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/init.h"
#include "pkcs11/latch.h"
#include "pkcs11/sign.h"
#include "tempdir.h"

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTHSM_PIN "1234"

static char softhsm_dir[64], softhsm_latch[96];
static struct module *softhsm_module;

static void softhsm_stop(void)
{
    module_close(softhsm_module);
    softhsm_module = NULL;
    tempdir_remove(softhsm_dir);
}

/* With one token "zegel", its user PIN SOFTHSM_PIN. */
static void softhsm_start(void)
{
    char conf[128], serial[17];
    struct buf why = BUF_INIT;
    (void)snprintf(softhsm_dir, sizeof softhsm_dir, "/tmp/zegel-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(softhsm_dir));
    (void)snprintf(conf, sizeof conf, "%s/conf", softhsm_dir);
    (void)snprintf(softhsm_latch, sizeof softhsm_latch, "%s/pin", softhsm_dir);
    FILE *f = fopen(conf, "w");
    ck_assert_ptr_nonnull(f);
    (void)fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", softhsm_dir);
    (void)fclose(f);
    ck_assert_int_eq(setenv("SOFTHSM2_CONF", conf, 1), 0);
    ck_assert_msg(module_open(SOFTHSM_MODULE, NULL, &softhsm_module, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    ck_assert_msg(token_init(softhsm_module, "zegel", BYTES_LIT("12345678"), BYTES_LIT(SOFTHSM_PIN), serial, &why) == ZEGEL_OK,
                  "%s", buf_cstr(&why));
    buf_free(&why);
}

/* The token, not logged in. */
static struct token *softhsm_token(unsigned sessions)
{
    struct token_config cfg = {.name = "t", .uri = "pkcs11:token=zegel", .latch_dir = softhsm_latch, .sessions = sessions};
    struct buf why = BUF_INIT;
    struct token *t = NULL;
    ck_assert_msg(token_open(softhsm_module, &cfg, &t, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
    return t;
}

static struct token *softhsm_login(unsigned sessions)
{
    struct token *t = softhsm_token(sessions);
    struct buf why = BUF_INIT;
    ck_assert_msg(token_login(t, BYTES_LIT(SOFTHSM_PIN), &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
    return t;
}

#endif
