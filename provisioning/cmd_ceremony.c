/* zegel ceremony: the commands people sit together for. The engine is in ceremony/. */
#include <stdio.h>
#include <string.h>

#include "ceremony/authority.h"
#include "ceremony/exchange.h"
#include "ceremony/minutes.h"
#include "ceremony/run.h"
#include "ceremony/store.h"
#include "ceremony/words.h"
#include "cmd_ceremony.h"

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
    if ((cmd == &cmd_ceremony_exception || cmd == &cmd_ceremony_abandon) &&
        (o.text == NULL || o.decision == NULL || o.agreed == NULL))
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
    return with_transcript(argc, argv, &cmd_ceremony_approve, true, ceremony_approve);
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
    struct ceremony_pin source = {"ceremony", o->pin}, backup = {"ceremony-backup", o->backup_pin};
    ceremony_latch_dir(o, &latch);
    struct run_options options = {.talk = talk_open(!o->non_interactive),
                                  .latch_dir = buf_cstr(&latch),
                                  .previous = o->previous,
                                  .pin = ceremony_ask_pin,
                                  .pin_arg = &source,
                                  .backup_pin_arg = &backup};
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
    return minutes_exception(t, &(struct minutes){o->text, o->decision, o->agreed}, why);
}

static int run_exception_command(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_exception, false, exception);
}

static int abandon(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    int err = minutes_abandon(t, &(struct minutes){o->text, o->decision, o->agreed}, why);
    if (err == ZEGEL_OK)
        (void)printf("%s: given up. Next: zegel ceremony seal %s\n", t->dir, t->dir);
    return err;
}

static int run_abandon(int argc, char **argv)
{
    return with_transcript(argc, argv, &cmd_ceremony_abandon, false, abandon);
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
        err = ceremony_sign_as(t, &t->plan->transcript, o, "manifest", buf_bytes(&text), why);
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

/* ---- permits ---- */

static bool action_of(const char *name, enum plan_action *out)
{
    for (*out = PLAN_GENERATE; *out <= PLAN_DESTROY; (*out)++)
        if (strcmp(plan_action_name(*out), name) == 0)
            return true;
    return false;
}

static int run_permits(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_ceremony_permits;
    struct cmd_options o;
    struct buf why = BUF_INIT;
    enum plan_action action = PLAN_GENERATE;
    unsigned serial;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    char **words = argv + optind, *slash = optind == argc - 4 ? strchr(words[2], '/') : NULL;
    bool backup = slash != NULL && strcmp(words[1], "backup") == 0;
    if (slash == NULL || o.trust == NULL || (!backup && !action_of(words[1], &action)))
        return cmd_misuse(cmd, "needs --trust, a directory, an action, DOMAIN/SELECTOR and the key's SHA-256");
    *slash = '\0';
    const char *domain = words[2], *selector = slash + 1, *print = words[3];
    int err = backup ? authority_backed_up(words[0], o.trust, domain, selector, print, &serial, &why)
                     : authority_permits(words[0], o.trust, action, domain, selector, print, &serial, &why);
    if (o.json)
        cmd_print_json(json_pack("{s:b, s:s, s:s, s:s, s:s, s:o, s:o}", "permitted", err == ZEGEL_OK, "action", words[1],
                                 "domain", domain, "selector", selector, "spki_sha256", print, "ceremony",
                                 err == ZEGEL_OK ? json_integer(serial) : json_null(), "problem",
                                 err == ZEGEL_OK ? json_null() : json_string(buf_cstr(&why))));
    else if (err == ZEGEL_OK)
        (void)printf("permitted: %s %s/%s, by ceremony %u\n", words[1], domain, selector, serial);
    if (err == ZEGEL_OK && backup && !o.json)
        (void)printf("in zegel.yaml, with this key: wrapped-backup: %s\n", print);
    return finish(cmd, err, &why);
}

const struct cmd cmd_ceremony_approve = {
    "ceremony", "approve", run_approve, "--as NAME --module FILE --card URI [--pin SOURCE] [--state DIR] [--non-interactive] DIR",
    "Sign with one's own card: the plan, or the manifest once there is one. URI: RFC 7512; SOURCE: file:PATH or prompt."};
const struct cmd cmd_ceremony_export = {"ceremony", "export", run_export, "DIR",
                                        "Make request.json, the approved plan that crosses the air gap."};
const struct cmd cmd_ceremony_import = {"ceremony", "import", run_import, "REQUEST DIR",
                                        "Make a new directory out of a request, everything checked."};
const struct cmd cmd_ceremony_run = {
    "ceremony", "run", run_run, "[--pin SOURCE] [--backup-pin SOURCE] [--previous DIR] [--state DIR] [--non-interactive] DIR",
    "Hold the ceremony; after a crash, the same command goes on."};
const struct cmd cmd_ceremony_exception = {"ceremony", "exception", run_exception_command,
                                           "--text T --decision D --agreed NAMES DIR",
                                           "Write an exception into the journal: what happened, what was decided, who agreed."};
const struct cmd cmd_ceremony_abandon = {"ceremony", "abandon", run_abandon, "--text T --decision D --agreed NAMES DIR",
                                         "Give up a ceremony that cannot go on; it is sealed, and the next plan continues it."};
const struct cmd cmd_ceremony_seal = {"ceremony", "seal", run_seal, "--module FILE --card URI [--pin SOURCE] [--state DIR] DIR",
                                      "Make the manifest and sign it with the transcript key."};
const struct cmd cmd_ceremony_permits = {
    "ceremony", "permits", run_permits, "--trust PEM [--json] DIR ACTION DOMAIN/SELECTOR SPKI-SHA256",
    "Does this transcript permit that? For scripts; ACTION as in a plan, or backup: was one made and tried?"};
