/* zegel ceremony prepare, lint, rehearse: before anybody sits down. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "ceremony/script.h"
#include "ceremony/store.h"
#include "cmd.h"

enum { REPEAT_MAX = 64, CERTIFICATE_MAX = 16384 };

/* ---- flags → plan.yaml ---- */

struct flags {
    const char *action, *serial, *organisation, *module, *label, *threshold, *days, *previous, *backup_reason, *backup_label,
        *backup_module, *backup_restored;
    const char *administrator, *dns_operator, *witness, *transcript; /* NAME=FILE */
    const char *keys[REPEAT_MAX], *custodians[REPEAT_MAX];
    size_t keys_count, custodians_count;
};

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

static bool read_flags(int argc, char **argv, struct flags *f, int *code)
{
    int o;
    *f = (struct flags){.action = "generate",
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
        case 'A': f->administrator = optarg; break;
        case 'D': f->dns_operator = optarg; break;
        case 'W': f->witness = optarg; break;
        case 'T': f->transcript = optarg; break;
        case 'C': break;
        case 'k':
        case 'c': {
            size_t *n = o == 'k' ? &f->keys_count : &f->custodians_count;
            if (*n == REPEAT_MAX) {
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

/* A YAML double-quoted scalar; control characters were refused before. */
static void quoted(struct buf *yaml, const char *text)
{
    buf_add_u8(yaml, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_u8(yaml, '\\');
        buf_add_u8(yaml, (uint8_t)((unsigned char)*text < ' ' ? '?' : *text));
    }
    buf_add_u8(yaml, '"');
}

static void field(struct buf *yaml, const char *name, const char *value)
{
    buf_addf(yaml, "%s: ", name);
    quoted(yaml, value);
    buf_add_u8(yaml, '\n');
}

/* NAME=FILE → name and certificate; lines after the first are indented. */
static int person(struct buf *yaml, const char *indent, const char *text, struct buf *why)
{
    const char *equals = text == NULL ? NULL : strchr(text, '=');
    struct buf pem = BUF_INIT;
    int err = equals == NULL ? ZEGEL_ERR_USAGE : io_read_file(equals + 1, CERTIFICATE_MAX, &pem, why);
    if (equals == NULL)
        buf_addf(why, "%s: people are given as NAME=CERTIFICATE.pem", text == NULL ? "somebody is missing" : text);
    X509 *x = err == ZEGEL_OK ? plan_certificate(buf_cstr(&pem)) : NULL;
    if (err == ZEGEL_OK && x == NULL) {
        buf_addf(why, "%s: holds no certificate, or more than one", equals + 1);
        err = ZEGEL_ERR_USAGE;
    }
    if (err == ZEGEL_OK) {
        buf_addf(yaml, "name: %.*s\n%scertificate: |\n", (int)(equals - text), text, indent);
        struct bytes rest = buf_bytes(&pem);
        while (rest.len > 0) {
            size_t end = bytes_find(rest, '\n');
            buf_addf(yaml, "%s  %.*s\n", indent, (int)end, (const char *)rest.data);
            rest = bytes_slice(rest, end + 1, rest.len);
        }
    }
    X509_free(x);
    buf_free(&pem);
    return err;
}

/* DOMAIN/SELECTOR:ALGORITHM[:SPKI-SHA256] */
static int key_line(struct buf *yaml, const char *text, struct buf *why)
{
    char domain[254], selector[254], algorithm[16], print[65] = "";
    int n = sscanf(text, "%253[^/]/%253[^:]:%15[^:]:%64s", domain, selector, algorithm, print);
    if (n < 3) {
        buf_addf(why,
                 "--key %s: is not DOMAIN/SELECTOR:ALGORITHM, or for a key that is there DOMAIN/SELECTOR:ALGORITHM:SPKI-SHA256",
                 text);
        return ZEGEL_ERR_USAGE;
    }
    buf_add_str(yaml, "  - ");
    field(yaml, "domain", domain);
    field(yaml, "    selector", selector);
    buf_addf(yaml, "    algorithm: %s\n", algorithm);
    if (n == 4)
        buf_addf(yaml, "    spki-sha256: \"%s\"\n", print);
    return ZEGEL_OK;
}

/* A token's section, as what is plugged in says; each line indented. */
static int token_section(struct buf *yaml, const char *indent, const char *module, const char *label, struct buf *why)
{
    char hash[CANON_HEX], serial[17];
    struct buf uri = BUF_INIT;
    struct module *m = NULL;
    struct token *t = NULL;
    buf_add_str(&uri, "pkcs11:token=");
    for (const char *c = label; *c != '\0'; c++)
        buf_addf(&uri, "%%%02x", (unsigned)(unsigned char)*c);
    struct token_config cfg = {.name = label, .uri = buf_cstr(&uri), .sessions = 1};
    int err = store_hash(module, hash, why);
    if (err == ZEGEL_OK)
        err = module_open(module, hash, &m, why);
    if (err == ZEGEL_OK)
        err = token_open(m, &cfg, &t, why);
    if (err == ZEGEL_OK) {
        memcpy(serial, t->info.serialNumber, 16);
        serial[16] = '\0';
        for (size_t n = 16; n > 0 && serial[n - 1] == ' '; n--)
            serial[n - 1] = '\0';
        const char *fields[][2] = {{"label", label}, {"serial", serial}, {"module", module}, {"module-sha256", hash}};
        buf_addf(yaml, "%stoken:\n", indent);
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            buf_addf(yaml, "%s  ", indent);
            field(yaml, fields[i][0], fields[i][1]);
        }
    }
    token_close(t);
    module_close(m);
    buf_free(&uri);
    return err;
}

static int backup_section(struct buf *yaml, const struct flags *f, struct buf *why)
{
    buf_addf(yaml, "backup:\n  rule: %s\n", f->backup_label == NULL ? "none" : "wrap");
    field(yaml, "  reason", f->backup_reason);
    buf_addf(yaml, "  restored: %s\n", f->backup_restored);
    if (f->backup_label == NULL)
        return ZEGEL_OK;
    return token_section(yaml, "  ", f->backup_module != NULL ? f->backup_module : f->module, f->backup_label, why);
}

static int head_section(struct buf *yaml, const struct flags *f, struct buf *why)
{
    uint8_t nonce[32];
    char from[21], to[21], tool[CANON_HEX], previous[CANON_HEX] = PLAN_NO_PREVIOUS;
    int64_t now = clock_wall_s();
    struct buf manifest = BUF_INIT;
    int err = RAND_bytes(nonce, sizeof nonce) == 1 ? store_hash("/proc/self/exe", tool, why) : ZEGEL_ERR_SYSTEM;
    if (err == ZEGEL_OK && f->previous != NULL && (err = store_read(f->previous, MANIFEST_FILE, &manifest, why)) == ZEGEL_OK)
        canon_hash(buf_bytes(&manifest), previous);
    plan_time_text(now, from);
    plan_time_text(now + strtol(f->days, NULL, 10) * 86400, to);
    buf_addf(yaml, "format: " PLAN_FORMAT "\naction: %s\nserial: %s\nnonce: \"", f->action, f->serial);
    for (size_t i = 0; i < sizeof nonce; i++)
        buf_addf(yaml, "%02x", nonce[i]);
    buf_add_str(yaml, "\"\n");
    field(yaml, "organisation", f->organisation);
    field(yaml, "not-before", from);
    field(yaml, "not-after", to);
    field(yaml, "tool-sha256", tool);
    field(yaml, "previous", previous);
    buf_free(&manifest);
    return err;
}

static int write_yaml(struct buf *yaml, const struct flags *f, struct buf *why)
{
    const struct {
        const char *role, *who;
    } others[] = {{"administrator", f->administrator},
                  {"dns-operator", f->dns_operator},
                  {"witness", f->witness},
                  {"transcript", f->transcript}};
    buf_add_str(yaml, "# The plan of a key ceremony. No secrets. Rules: zegel ceremony lint\n");
    int err = head_section(yaml, f, why);
    if (err == ZEGEL_OK)
        err = token_section(yaml, "", f->module, f->label, why);
    buf_add_str(yaml, "keys:\n");
    for (size_t i = 0; i < f->keys_count && err == ZEGEL_OK; i++)
        err = key_line(yaml, f->keys[i], why);
    buf_add_str(yaml, "template: # of each private key, read back from the token\n  CKA_SIGN: true\n  CKA_SENSITIVE: true\n"
                      "  CKA_EXTRACTABLE: false\n  CKA_MODIFIABLE: false\n  CKA_COPYABLE: false\n  CKA_DECRYPT: false\n"
                      "  CKA_UNWRAP: false\n  CKA_DERIVE: false\n  CKA_SIGN_RECOVER: false\n");
    if (err == ZEGEL_OK)
        err = backup_section(yaml, f, why);
    buf_addf(yaml, "timing:\n  publish-wait: 24h\n  active-max: 180d\n  retired-keep: 14d\nthreshold: %s\ncustodians:\n",
             f->threshold);
    for (size_t i = 0; i < f->custodians_count && err == ZEGEL_OK; i++) {
        buf_add_str(yaml, "  - ");
        err = person(yaml, "    ", f->custodians[i], why);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0] && err == ZEGEL_OK; i++) {
        buf_addf(yaml, "%s:\n  ", others[i].role);
        err = person(yaml, "  ", others[i].who, why);
    }
    return err;
}

/* ---- plan.yaml → plan.json, script ---- */

static int spawn(const char *dir, char *const argv[])
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addchdir_np(&actions, dir);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0); /* groff talks of table widths */
    if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    (void)posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* Paper is a convenience: without pandoc and groff there is script.md alone. */
static void make_pdf(const char *dir)
{
    static char *const pandoc[] = {(char *)(uintptr_t) "pandoc",
                                   (char *)(uintptr_t) "-s",
                                   (char *)(uintptr_t) "-V",
                                   (char *)(uintptr_t) "papersize=a4",
                                   (char *)(uintptr_t) "--pdf-engine=pdfroff",
                                   (char *)(uintptr_t) "-o",
                                   (char *)(uintptr_t) "script.pdf",
                                   (char *)(uintptr_t) "script.md",
                                   NULL};
    if (access("/usr/bin/pandoc", X_OK) == 0 && access("/usr/bin/pdfroff", X_OK) == 0 && access("/usr/bin/gs", X_OK) == 0)
        (void)spawn(dir, pandoc);
}

static int compile(const char *dir, struct buf *why)
{
    struct buf yaml = BUF_INIT, json = BUF_INIT, script = BUF_INIT;
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
        err = store_write(dir, "script.md", buf_bytes(&script), why);
    }
    if (err == ZEGEL_OK) {
        if (!store_has(dir, "script.pdf"))
            make_pdf(dir);
        struct buf warnings = BUF_INIT;
        plan_warnings(t.plan, &warnings);
        (void)fputs(buf_cstr(&warnings), stdout);
        buf_free(&warnings);
        (void)printf("%s: plan.json and script.md are made\nSHA-256 of the plan: %s\n", dir, t.plan_hash);
    }
    transcript_close(&t);
    plan_free(p);
    buf_free(&yaml);
    buf_free(&json);
    buf_free(&script);
    return err;
}

static int run_prepare(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_ceremony_prepare;
    struct flags f;
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    int code, err = ZEGEL_OK;
    if (!read_flags(argc, argv, &f, &code))
        return code;
    if (optind != argc - 1)
        return cmd_misuse(cmd, "needs one directory");
    const char *dir = argv[optind];
    if (f.serial != NULL) {
        if (f.organisation == NULL || f.module == NULL || f.label == NULL || f.threshold == NULL || f.keys_count == 0)
            return cmd_misuse(cmd, "a new plan needs --serial --organisation --module --label --threshold and a --key");
        if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
            buf_addf(&why, "%s: %s", dir, strerror(errno));
            err = ZEGEL_ERR_SYSTEM;
        }
        if (err == ZEGEL_OK)
            err = write_yaml(&yaml, &f, &why);
        if (err == ZEGEL_OK)
            err = store_write(dir, "plan.yaml", buf_bytes(&yaml), &why);
    }
    if (err == ZEGEL_OK)
        err = compile(dir, &why);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    buf_free(&yaml);
    buf_free(&why);
    return code;
}

/* ---- lint ---- */

static int run_lint(int argc, char **argv)
{
    struct cmd_options o;
    struct buf yaml = BUF_INIT, why = BUF_INIT, rules = BUF_INIT;
    struct plan *p = NULL;
    int code;
    if (!cmd_options(argc, argv, &cmd_ceremony_lint, &o, &code))
        return code;
    if (optind == argc) {
        plan_rules(&rules);
        (void)fputs(buf_cstr(&rules), stdout);
        buf_free(&rules);
        return CMD_DONE;
    }
    int err = io_read_file(argv[optind], STORE_FILE_MAX, &yaml, &why);
    if (err == ZEGEL_OK)
        err = plan_parse(argv[optind], buf_bytes(&yaml), &p, &why);
    if (err == ZEGEL_OK)
        err = plan_lint(p, &why);
    if (err == ZEGEL_OK) {
        plan_warnings(p, &rules);
        (void)printf("%s%s: keeps every rule\n", buf_cstr(&rules), argv[optind]);
    }
    buf_free(&rules);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_ceremony_lint, err, buf_cstr(&why));
    plan_free(p);
    buf_free(&yaml);
    buf_free(&why);
    return code;
}

const struct cmd cmd_ceremony_prepare = {
    "ceremony", "prepare", run_prepare,
    "DIR, when DIR/plan.yaml is written; or\n"
    "  --serial N --organisation NAME --module FILE --label TOKEN --threshold M --key "
    "DOMAIN/SELECTOR:ALGORITHM[:SPKI-SHA256]...\n"
    "  --custodian NAME=PEM... --administrator NAME=PEM --dns-operator NAME=PEM\n  --witness NAME=PEM --transcript NAME=PEM\n"
    "  [--action generate|activate|retire|destroy] [--previous DIR] [--days N] [--backup-reason TEXT]\n  [--backup-label TOKEN "
    "[--backup-module FILE] [--backup-restored keep|destroy]] DIR",
    "Write plan.yaml, compile it to plan.json, print the script."};
const struct cmd cmd_ceremony_lint = {"ceremony", "lint", run_lint, "[PLAN]",
                                      "Check a plan; without one, print the policy's rules."};
