/* zegel ceremony rehearse: the whole ceremony on a throw-away SoftHSM, before anybody sits down. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceremony/run.h"
#include "ceremony/standing.h"
#include "ceremony/steps.h"
#include "ceremony/store.h"
#include "cmd.h"
#include "pkcs11/init.h"

#define REHEARSAL_PIN "rehearsal"
static const char rehearsal_uri[] = "pkcs11:token=rehearsal";

static int rehearsal_pin(void *arg, struct buf *pin, struct buf *why)
{
    (void)arg, (void)why;
    buf_add_str(pin, REHEARSAL_PIN);
    return ZEGEL_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int make_token(struct module *m, const char *label, struct buf *why)
{
    char serial[17];
    return token_init(m, label, BYTES_LIT("rehearsal-so"), BYTES_LIT(REHEARSAL_PIN), serial, why);
}

/* A SoftHSM of our own in `dir`. */
static int throw_away_softhsm(const char *dir, struct buf *why)
{
    struct buf path = BUF_INIT, conf = BUF_INIT;
    buf_addf(&conf, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", dir);
    int err = store_write(dir, "softhsm2.conf", buf_bytes(&conf), why);
    buf_addf(&path, "%s/softhsm2.conf", dir);
    if (err == ZEGEL_OK && setenv("SOFTHSM2_CONF", buf_cstr(&path), 1) != 0)
        err = ZEGEL_ERR_NOMEM;
    buf_free(&path);
    buf_free(&conf);
    return err;
}

/* A key that stands in for a planned one that is there already: the plan in memory, not on paper, then speaks of it. */
static int stand_in(struct token *t, const struct plan *p, const char *plan_hash, const struct plan_key *k, struct buf *why)
{
    struct buf label = BUF_INIT;
    struct key key;
    char print[CANON_HEX];
    plan_label(k, &label);
    int err = key_generate(t, k->algorithm == PLAN_ED25519 ? KEY_ED25519 : KEY_RSA, plan_algorithm_bits(k->algorithm),
                           buf_cstr(&label), &key, why);
    if (err == ZEGEL_OK) {
        canon_hash(bytes_of(key.spki, key.spki_len), print);
        memcpy(k->spki_sha256, print, sizeof print);
    }
    if (err == ZEGEL_OK && p->action == PLAN_RETIRE) { /* it was activated before */
        struct plan before = {.action = PLAN_ACTIVATE, .serial = p->serial - 1};
        err = standing_enter(t, &before, plan_hash, k, why);
    }
    buf_free(&label);
    return err;
}

static int stand_ins(const struct transcript *t, struct module *m, const char *uri, struct buf *why)
{
    struct token_config cfg = {.name = "rehearsal", .uri = uri, .sessions = 1};
    struct token *token = NULL;
    int err = token_open(m, &cfg, &token, why);
    if (err == ZEGEL_OK)
        err = token_login(token, BYTES_LIT(REHEARSAL_PIN), why);
    for (unsigned i = 0; i < t->plan->keys_count && err == ZEGEL_OK; i++)
        if (t->plan->keys[i].spki_sha256 != NULL)
            err = stand_in(token, t->plan, t->plan_hash, &t->plan->keys[i], why);
    token_close(token);
    return err;
}

static int set_the_stage(const struct transcript *t, const char *dir, const char *module, struct buf *why)
{
    struct module *m = NULL;
    int err = throw_away_softhsm(dir, why);
    if (err == ZEGEL_OK)
        err = module_open(module, NULL, &m, why);
    if (err == ZEGEL_OK)
        err = make_token(m, "rehearsal", why);
    if (err == ZEGEL_OK && steps_have_backup(t->plan))
        err = make_token(m, "rehearsal-backup", why);
    if (err == ZEGEL_OK)
        err = stand_ins(t, m, rehearsal_uri, why);
    module_close(m);
    return err;
}

static int copy_plan(const struct transcript *t, const char *dir, struct buf *why)
{
    struct bytes yaml;
    int err = snapshot_get(&t->files, "plan.yaml", &yaml, why);
    if (err == ZEGEL_OK)
        err = store_write(dir, "plan.yaml", yaml, why);
    if (err == ZEGEL_OK)
        err = store_write(dir, "plan.json", t->plan_json, why);
    return err;
}

/* The same plan, steps and binary; only the token is another, and the journal says that. Nothing of it stays. */
static int rehearse(const struct transcript *t, const char *dir, const char *module, bool ask, struct buf *why)
{
    struct buf latch = BUF_INIT;
    struct transcript copy = {0};
    buf_addf(&latch, "%s/pin", dir);
    int err = copy_plan(t, dir, why);
    if (err == ZEGEL_OK)
        err = transcript_open(dir, &copy, why);
    if (err == ZEGEL_OK)
        err = set_the_stage(&copy, dir, module, why);
    struct run_options options = {.talk = talk_open(ask),
                                  .latch_dir = buf_cstr(&latch),
                                  .uri = rehearsal_uri,
                                  .backup_uri = "pkcs11:token=rehearsal-backup",
                                  .module = module,
                                  .pin = rehearsal_pin};
    if (err == ZEGEL_OK)
        err = run_ceremony(&copy, &options, why);
    transcript_close(&copy);
    buf_free(&latch);
    return err;
}

static int run_rehearse(int argc, char **argv)
{
    struct cmd_options o;
    struct buf why = BUF_INIT;
    struct transcript t;
    char dir[] = "/tmp/zegel-rehearsal-XXXXXX";
    int code;
    if (!cmd_options(argc, argv, &cmd_ceremony_rehearse, &o, &code))
        return code;
    if (optind != argc - 1)
        return cmd_misuse(&cmd_ceremony_rehearse, "needs the ceremony's directory");
    int err = transcript_open(argv[optind], &t, &why);
    if (err == ZEGEL_OK && mkdtemp(dir) == NULL)
        err = ZEGEL_ERR_SYSTEM;
    if (err == ZEGEL_OK) {
        err = rehearse(&t, dir, o.module == NULL ? "/usr/lib/softhsm/libsofthsm2.so" : o.module, !o.non_interactive, &why);
        (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    if (err == ZEGEL_OK)
        (void)printf("\nRehearsed: every step of the plan works. The throw-away token is gone. Paper: %s/script.md\n",
                     argv[optind]);
    transcript_close(&t);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_ceremony_rehearse, err, buf_cstr(&why));
    buf_free(&why);
    return code;
}

const struct cmd cmd_ceremony_rehearse = {"ceremony", "rehearse", run_rehearse, "[--module FILE] [--non-interactive] DIR",
                                          "The whole ceremony on a throw-away SoftHSM."};
