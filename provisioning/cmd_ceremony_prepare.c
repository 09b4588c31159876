/* zegel ceremony prepare, lint, rehearse: before anybody sits down. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "ceremony/lines.h"
#include "ceremony/script.h"
#include "ceremony/store.h"
#include "cmd.h"
#include "cmd_ceremony_plan.h"

/* ---- flags ---- */

static const struct option long_options[] = {
    {"action", required_argument, NULL, 'a'},
    {"serial", required_argument, NULL, 's'},
    {"organisation", required_argument, NULL, 'o'},
    {"module", required_argument, NULL, 'm'},
    {"label", required_argument, NULL, 'l'},
    {"threshold", required_argument, NULL, 't'},
    {"days", required_argument, NULL, 'd'},
    {"previous", required_argument, NULL, 'p'},
    {"backup-reason", required_argument, NULL, 'b'},
    {"backup-label", required_argument, NULL, 'B'},
    {"backup-module", required_argument, NULL, 'M'},
    {"backup-restored", required_argument, NULL, 'R'},
    {"backup-dkek", required_argument, NULL, 'E'},
    {"administrator", required_argument, NULL, 'A'},
    {"dns-operator", required_argument, NULL, 'D'},
    {"witness", required_argument, NULL, 'W'},
    {"transcript", required_argument, NULL, 'T'},
    {"key", required_argument, NULL, 'k'},
    {"custodian", required_argument, NULL, 'c'},
    {"config", required_argument, NULL, 'C'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static bool read_flags(int argc, char **argv, struct plan_flags *f, int *code)
{
    int o;
    *f = (struct plan_flags){.action = "generate",
                             .days = "7",
                             .backup_restored = "destroy",
                             .backup_reason = "a lost key is replaced by a new one under a new selector"};
    *code = CMD_USAGE;
    optind = 1;
    while ((o = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (o) {
        case 'a': f->action = optarg; break;
        case 's': f->serial = optarg; break;
        case 'o': f->organisation = optarg; break;
        case 'm': f->module = optarg; break;
        case 'l': f->label = optarg; break;
        case 't': f->threshold = optarg; break;
        case 'd': f->days = optarg; break;
        case 'p': f->previous = optarg; break;
        case 'b': f->backup_reason = optarg; break;
        case 'B': f->backup_label = optarg; break;
        case 'M': f->backup_module = optarg; break;
        case 'R': f->backup_restored = optarg; break;
        case 'E': f->backup_dkek = optarg; break;
        case 'A': f->administrator = optarg; break;
        case 'D': f->dns_operator = optarg; break;
        case 'W': f->witness = optarg; break;
        case 'T': f->transcript = optarg; break;
        case 'C': break;
        case 'k':
        case 'c': {
            size_t *n = o == 'k' ? &f->keys_count : &f->custodians_count;
            if (*n == PLAN_FLAGS_MAX) {
                *code = cmd_misuse(&cmd_ceremony_prepare, "too many --key or --custodian");
                return false;
            }
            (o == 'k' ? f->keys : f->custodians)[(*n)++] = optarg;
            break;
        }
        case 'h':
            (void)printf("Usage: zegel ceremony prepare %s\n%s\n", cmd_ceremony_prepare.usage, cmd_ceremony_prepare.summary);
            *code = CMD_DONE;
            return false;
        default: return false;
        }
    }
    return true;
}

/* ---- plan.yaml → plan.json, script ---- */

/* groff reads `input` and writes `output`. */
static bool run_groff(int input, int output)
{
    static char *const argv[] = {(char *)(uintptr_t) "/usr/bin/groff",
                                 (char *)(uintptr_t) "-k",
                                 (char *)(uintptr_t) "-t",
                                 (char *)(uintptr_t) "-ms",
                                 (char *)(uintptr_t) "-Tpdf",
                                 (char *)(uintptr_t) "-P-pa4",
                                 NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0); /* it talks of table widths */
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    (void)posix_spawn_file_actions_destroy(&actions);
    return status == 0;
}

/* Paper is a convenience: without groff there are script.md and script.html. */
static int make_pdf(const char *dir, struct bytes script, struct buf *why)
{
    struct buf source = BUF_INIT, pdf = BUF_INIT, ignored = BUF_INIT;
    int err = ZEGEL_OK, input = -1, output = -1;
    if (store_has(dir, "script.pdf") || access("/usr/bin/gropdf", X_OK) != 0)
        return ZEGEL_OK;
    script_groff(script, &source);
    if ((input = io_memfd("script", buf_bytes(&source))) >= 0 && (output = memfd_create("pdf", MFD_CLOEXEC)) >= 0 &&
        lseek(input, 0, SEEK_SET) == 0 && run_groff(input, output) &&
        io_read_fd(output, "script.pdf", STORE_FILE_MAX, &pdf, &ignored) == ZEGEL_OK)
        err = store_write(dir, "script.pdf", buf_bytes(&pdf), why);
    if (input >= 0)
        (void)close(input);
    if (output >= 0)
        (void)close(output);
    buf_free(&source);
    buf_free(&pdf);
    buf_free(&ignored);
    return err;
}

static int compile(const char *dir, struct buf *why)
{
    struct buf yaml = BUF_INIT, json = BUF_INIT, script = BUF_INIT, page = BUF_INIT;
    struct plan *p = NULL;
    struct transcript t = {0};
    int err = store_read(dir, "plan.yaml", &yaml, why);
    if (err == ZEGEL_OK)
        err = plan_parse("plan.yaml", buf_bytes(&yaml), &p, why);
    if (err == ZEGEL_OK)
        err = plan_lint(p, why);
    if (err == ZEGEL_OK)
        err = plan_compile(p, &json);
    if (err == ZEGEL_OK)
        err = store_write(dir, "plan.json", buf_bytes(&json), why);
    if (err == ZEGEL_OK)
        err = transcript_open(dir, &t, why);
    if (err == ZEGEL_OK) {
        script_make(&t, &script);
        script_html(buf_bytes(&script), &page);
        err = store_write(dir, "script.md", buf_bytes(&script), why);
    }
    if (err == ZEGEL_OK)
        err = store_write(dir, "script.html", buf_bytes(&page), why);
    if (err == ZEGEL_OK)
        err = make_pdf(dir, buf_bytes(&script), why);
    if (err == ZEGEL_OK) {
        struct buf warnings = BUF_INIT;
        plan_warnings(t.plan, &warnings);
        (void)fputs(buf_cstr(&warnings), stdout);
        buf_free(&warnings);
        (void)printf("%s: plan.json is made, and the checklist: script.md, script.html to print\nplan SHA-256: %s\n", dir,
                     t.plan_hash);
    }
    transcript_close(&t);
    plan_free(p);
    buf_free(&yaml);
    buf_free(&json);
    buf_free(&script);
    buf_free(&page);
    return err;
}

/* plan.yaml as the flags say it; a plan that is there is not changed. */
static int write_plan(const char *dir, const struct plan_flags *f, struct buf *why)
{
    struct buf yaml = BUF_INIT;
    int err = ZEGEL_OK;
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        buf_addf(why, "%s: %s", dir, strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    err = ceremony_plan_yaml(f, &yaml, why);
    if (err == ZEGEL_OK)
        err = store_write(dir, "plan.yaml", buf_bytes(&yaml), why);
    buf_free(&yaml);
    return err;
}

static int show_script(const char *dir, struct buf *why)
{
    struct buf script = BUF_INIT;
    int err = store_read(dir, "script.md", &script, why);
    if (err == ZEGEL_OK)
        (void)printf("\n%s", buf_cstr(&script));
    buf_free(&script);
    return err;
}

static int run_prepare(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_ceremony_prepare;
    struct plan_flags f;
    struct interview *interview = NULL;
    struct buf why = BUF_INIT;
    int code, err = ZEGEL_OK;
    if (!read_flags(argc, argv, &f, &code))
        return code;
    if (optind != argc - 1)
        return cmd_misuse(cmd, "needs one directory");
    const char *dir = argv[optind];
    bool asks = f.serial == NULL && !store_has(dir, "plan.yaml") && isatty(STDIN_FILENO) == 1;
    if (f.serial != NULL &&
        (f.organisation == NULL || f.module == NULL || f.label == NULL || f.threshold == NULL || f.keys_count == 0))
        return cmd_misuse(cmd, "a new plan needs --serial --organisation --module --label --threshold and a --key");
    if (asks)
        err = ceremony_interview(dir, &f, &interview, &why);
    if (err == ZEGEL_OK && f.serial != NULL)
        err = write_plan(dir, &f, &why);
    if (err == ZEGEL_OK)
        err = compile(dir, &why);
    if (err == ZEGEL_OK && asks)
        err = show_script(dir, &why);
    ceremony_interview_free(interview);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    buf_free(&why);
    return code;
}

/* ---- lint ---- */

static void print_rules(bool json)
{
    struct buf rules = BUF_INIT;
    plan_rules(&rules);
    if (json)
        cmd_print_json(json_pack("{s:o}", "rules", lines_json(buf_bytes(&rules), "rule")));
    else
        (void)fputs(buf_cstr(&rules), stdout);
    buf_free(&rules);
}

static void print_lint(const char *path, bool json, bool keeps, const struct buf *warnings, const struct buf *why)
{
    if (json)
        cmd_print_json(json_pack("{s:s, s:b, s:o, s:o}", "plan", path, "keeps", keeps, "problem",
                                 keeps ? json_null() : json_stringn((const char *)why->data, why->len), "warnings",
                                 lines_json(buf_bytes(warnings), "rule")));
    else if (keeps)
        (void)printf("%.*s%s: keeps every rule\n", (int)warnings->len, (const char *)warnings->data, path);
}

static int run_lint(int argc, char **argv)
{
    struct cmd_options o;
    struct buf yaml = BUF_INIT, why = BUF_INIT, warnings = BUF_INIT;
    struct plan *p = NULL;
    int code;
    if (!cmd_options(argc, argv, &cmd_ceremony_lint, &o, &code))
        return code;
    if (optind == argc) {
        print_rules(o.json);
        return CMD_DONE;
    }
    int err = io_read_file(argv[optind], STORE_FILE_MAX, &yaml, &why);
    if (err == ZEGEL_OK)
        err = plan_parse(argv[optind], buf_bytes(&yaml), &p, &why);
    if (err == ZEGEL_OK)
        err = plan_lint(p, &why);
    if (err == ZEGEL_OK)
        plan_warnings(p, &warnings);
    print_lint(argv[optind], o.json, err == ZEGEL_OK, &warnings, &why);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_ceremony_lint, err, buf_cstr(&why));
    plan_free(p);
    buf_free(&warnings);
    buf_free(&yaml);
    buf_free(&why);
    return code;
}

const struct cmd cmd_ceremony_prepare = {
    "ceremony", "prepare", run_prepare,
    "DIR: an interview at a terminal, unless DIR/plan.yaml is written; or\n"
    "  --serial N --organisation NAME --module FILE --label TOKEN --threshold M --key "
    "DOMAIN/SELECTOR:ALGORITHM[:SPKI-SHA256]...\n"
    "  --custodian NAME=PEM... --administrator NAME=PEM --dns-operator NAME=PEM\n  --witness NAME=PEM --transcript NAME=PEM\n"
    "  [--action generate|activate|retire|destroy] [--previous DIR] [--days N] [--backup-reason TEXT]\n  [--backup-label TOKEN "
    "[--backup-module FILE] [--backup-restored keep|destroy] [--backup-dkek CHECK-VALUE]] DIR",
    "Write plan.yaml, compile it to plan.json, make the checklist."};
const struct cmd cmd_ceremony_lint = {"ceremony", "lint", run_lint, "[--json] [PLAN]",
                                      "Check a plan; without one, print the policy's rules."};
