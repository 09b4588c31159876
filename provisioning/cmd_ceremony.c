/* zegel ceremony: the commands people sit together for. The engine is in ceremony/. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ceremony/card.h"
#include "ceremony/exchange.h"
#include "ceremony/run.h"
#include "ceremony/store.h"
#include "ceremony/verify.h"
#include "ceremony/words.h"
#include "cmd.h"

/* Options, and the one directory that every command of this group names. */
static bool take(int argc, char **argv, const struct cmd *cmd, struct cmd_options *o, const char **dir, int *code)
{
    if (!cmd_options(argc, argv, cmd, o, code))
        return false;
    *dir = optind == argc - 1 ? argv[optind] : NULL;
    if (*dir == NULL)
        *code = cmd_misuse(cmd, "needs the ceremony's directory");
    return *dir != NULL;
}

static int finish(const struct cmd *cmd, int err, struct buf *why)
{
    int code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(why));
    buf_free(why);
    return err == ZEGEL_ERR_FORMAT || err == ZEGEL_ERR_BAD_SIGNATURE || err == ZEGEL_ERR_KEY_UNUSABLE ? CMD_NO : code;
}

/* Where refused PINs are remembered. */
static void latch_dir(const struct cmd_options *o, struct buf *dir)
{
    const char *state = o->state == NULL ? CONFIG_DEFAULT_STATE : o->state;
    (void)mkdir(state, 0700);
    buf_addf(dir, "%s/pin", state);
}

struct pin_source {
    const char *name, *source;
};

static int ask_pin(void *arg, struct buf *pin, struct buf *why)
{
    const struct pin_source *s = arg;
    struct config_token t = {.name = (char *)(uintptr_t)s->name,
                             .pin = (char *)(uintptr_t)(s->source == NULL ? "prompt" : s->source)};
    return cmd_read_pin(&t, pin, why);
}

/* ---- approve ---- */

static int sign_as(const struct transcript *t, const struct plan_person *p, const struct cmd_options *o, const char *prefix,
                   struct bytes content, struct buf *why)
{
    char name[96], file[96];
    struct buf latch = BUF_INIT, pin = BUF_INIT, der = BUF_INIT;
    X509 *x = plan_certificate(p->certificate);
    (void)snprintf(name, sizeof name, "card-%s", p->name);
    (void)snprintf(file, sizeof file, "%s-%s.p7s", prefix, p->name);
    latch_dir(o, &latch);
    struct card card = {.name = name, .module = o->module, .uri = o->card, .latch_dir = buf_cstr(&latch)};
    int err = ask_pin(&(struct pin_source){name, o->pin}, &pin, why);
    if (err == ZEGEL_OK)
        err = card_sign(&card, buf_bytes(&pin), x, content, &der, why);
    if (err == ZEGEL_OK)
        err = store_write(t->dir, file, buf_bytes(&der), why);
    if (err == ZEGEL_OK)
        (void)printf("%s: signed as %s\n", file, p->name);
    X509_free(x);
    buf_free(&latch);
    buf_free(&pin);
    buf_free(&der);
    return err;
}

static bool has_signed(const struct transcript *t, const char *prefix, const char *name)
{
    char file[96];
    (void)snprintf(file, sizeof file, "%s-%s.p7s", prefix, name);
    return store_has(t->dir, file);
}

static bool agrees(const struct cmd_options *o, const char *what, const char *hash)
{
    struct talk talk = talk_open(!o->non_interactive);
    return talk_step(&talk, 1, 1, "sign", what, hash);
}

/* Once there is a manifest, people sign that; before, custodians sign the plan. */
static int approve(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    const struct plan_person *p = transcript_person(t, o->as);
    bool sealed = store_has(t->dir, MANIFEST_FILE);
    struct buf manifest = BUF_INIT;
    char hash[CANON_HEX];
    int err = ZEGEL_OK;
    if (p == NULL || p == &t->plan->administrator || p == &t->plan->transcript ||
        (!sealed && plan_custodian(t->plan, o->as) == NULL)) {
        buf_addf(why, "%s: %s", o->as,
                 p == NULL                      ? "is nobody in this plan"
                 : p == &t->plan->administrator ? "is the administrator, who never approves"
                 : p == &t->plan->transcript    ? "is the transcript key; zegel ceremony seal uses it"
                                                : "is the witness, who signs the manifest, not the plan");
        err = ZEGEL_ERR_REFUSED;
    } else if (!sealed && store_has(t->dir, REQUEST_FILE)) {
        buf_addf(why, "%s: the request with its approvals is made already; no more approvals are taken", t->dir);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && has_signed(t, sealed ? "manifest" : "approval", o->as)) {
        buf_addf(why, "%s: has signed already", o->as);
        err = ZEGEL_ERR_EXISTS;
    }
    if (err == ZEGEL_OK && sealed)
        err = store_read(t->dir, MANIFEST_FILE, &manifest, why);
    if (err != ZEGEL_OK)
        return err;
    struct bytes content = sealed ? buf_bytes(&manifest) : buf_bytes(&t->plan_json);
    canon_hash(content, hash);
    if (agrees(o, sealed ? "Sign the manifest: this is what happened." : "Approve the plan: this may happen.", hash)) {
        err = sign_as(t, p, o, sealed ? "manifest" : "approval", content, why);
    } else {
        buf_add_str(why, "not signed, as you said");
        err = ZEGEL_ERR_REFUSED;
    }
    buf_free(&manifest);
    return err;
}

static int with_transcript(int argc, char **argv, const struct cmd *cmd, bool card,
                           int (*act)(const struct transcript *, const struct cmd_options *, struct buf *))
{
    struct cmd_options o;
    struct buf why = BUF_INIT;
    struct transcript t;
    const char *dir;
    int code;
    if (!take(argc, argv, cmd, &o, &dir, &code))
        return code;
    if (card && (o.module == NULL || o.card == NULL || (o.as == NULL && cmd == &cmd_ceremony_approve)))
        return cmd_misuse(cmd, "needs --module and --card, and approve --as NAME");
    if (cmd == &cmd_ceremony_exception && (o.text == NULL || o.decision == NULL || o.agreed == NULL))
        return cmd_misuse(cmd, "needs --text, --decision and --agreed");
    int err = transcript_open(dir, &t, &why);
    if (err == ZEGEL_OK) {
        err = act(&t, &o, &why);
        transcript_close(&t);
    }
    return finish(cmd, err, &why);
}

static int run_approve(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_approve, true, approve);
}

/* ---- export, import ---- */

static int export(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    (void)o;
    int err = exchange_export(t, why);
    if (err == ZEGEL_OK)
        (void)printf("%s/" REQUEST_FILE ": carry this to the machine with the token\n", t->dir);
    return err;
}

static int run_export(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_export, false, export);
}

static int run_import(int argc, char **argv)
{
    struct cmd_options o;
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_ceremony_import, &o, &code))
        return code;
    if (optind != argc - 2)
        return cmd_misuse(&cmd_ceremony_import, "needs the request and a new directory");
    int err = exchange_import(argv[optind], argv[optind + 1], &why);
    if (err == ZEGEL_OK)
        (void)printf("%s: the plan and its approvals are there, and good\n", argv[optind + 1]);
    return finish(&cmd_ceremony_import, err, &why);
}

/* ---- run, exception, seal ---- */

static int run_it(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    struct buf latch = BUF_INIT;
    struct pin_source source = {"ceremony", o->pin};
    latch_dir(o, &latch);
    struct run_options options = {.talk = talk_open(!o->non_interactive),
                                  .latch_dir = buf_cstr(&latch),
                                  .previous = o->previous,
                                  .pin = ask_pin,
                                  .pin_arg = &source};
    int err = run_ceremony(t, &options, why);
    if (err == ZEGEL_OK)
        (void)printf("\nThe ceremony has ended. Next: zegel ceremony seal %s\n", t->dir);
    buf_free(&latch);
    return err;
}

static int run_run(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_run, false, run_it);
}

static int exception(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    return run_exception(t, o->text, o->decision, o->agreed, why);
}

static int run_exception_command(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_exception, false, exception);
}

static int seal(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    json_t *manifest = NULL;
    struct buf text = BUF_INIT;
    char hash[CANON_HEX];
    int err = transcript_manifest(t, &manifest, why);
    if (err == ZEGEL_OK)
        err = canon_json(manifest, &text) ? store_write(t->dir, MANIFEST_FILE, buf_bytes(&text), why) : ZEGEL_ERR_NOMEM;
    canon_hash(buf_bytes(&text), hash);
    if (err == ZEGEL_OK)
        err = sign_as(t, &t->plan->transcript, o, "manifest", buf_bytes(&text), why);
    if (err == ZEGEL_OK) {
        (void)puts("SHA-256 of the manifest, for each to take home:\n");
        words_print(stdout, "    ", hash);
        (void)puts("\nNext: custodians and witness run zegel ceremony approve.");
    }
    json_decref(manifest);
    buf_free(&text);
    return err;
}

static int run_seal(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_seal, true, seal);
}

/* ---- verify ---- */

static int run_verify(int argc, char **argv)
{
    struct cmd_options o;
    struct buf why = BUF_INIT, report = BUF_INIT;
    const char *dir;
    int code;
    if (!take(argc, argv, &cmd_ceremony_verify, &o, &dir, &code))
        return code;
    struct verify_options options = {.previous = o.previous, .trust = o.trust, .tsa = o.tsa};
    int err = verify_transcript(dir, &options, &report, &why);
    if (err == ZEGEL_OK)
        (void)printf("%spass: %s\n", buf_cstr(&report), dir);
    buf_free(&report);
    return finish(&cmd_ceremony_verify, err, &why);
}

const struct cmd cmd_ceremony_approve = {
    "ceremony", "approve", run_approve, "--as NAME --module FILE --card URI [--pin SOURCE] [--state DIR] [--non-interactive] DIR",
    "Sign with one's own card: the plan, or the manifest once there is one. URI: RFC 7512; SOURCE: file:PATH or prompt."};
const struct cmd cmd_ceremony_export = {"ceremony", "export", run_export, "DIR",
                                        "Make request.json, the approved plan that crosses the air gap."};
const struct cmd cmd_ceremony_import = {"ceremony", "import", run_import, "REQUEST DIR",
                                        "Make a new directory out of a request, everything checked."};
const struct cmd cmd_ceremony_run = {"ceremony", "run", run_run,
                                     "[--pin SOURCE] [--previous DIR] [--state DIR] [--non-interactive] DIR",
                                     "Hold the ceremony; after a crash, the same command goes on."};
const struct cmd cmd_ceremony_exception = {"ceremony", "exception", run_exception_command,
                                           "--text T --decision D --agreed NAMES DIR",
                                           "Write an exception into the journal: what happened, what was decided, who agreed."};
const struct cmd cmd_ceremony_seal = {"ceremony", "seal", run_seal, "--module FILE --card URI [--pin SOURCE] [--state DIR] DIR",
                                      "Make the manifest and sign it with the transcript key."};
const struct cmd cmd_ceremony_verify = {"ceremony", "verify", run_verify, "[--previous DIR] [--trust PEM] [--tsa PEM] DIR",
                                        "Check a transcript: no token, no network, no configuration. The auditor's command."};
