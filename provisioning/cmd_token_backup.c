#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "progress.h"
#include "zegeltoken.h"

enum { NEW = 0x50, SHARE = 0x52, JOIN = 0x54, EXPORT = 0x56, RESTORE = 0x58, SHARE_LEN = 48, SHARES_MAX = 16 };

static const struct span nothing = {NULL, 0};

static int read_all(const char *path, uint8_t *out, size_t cap, size_t *len, struct buf *why)
{
    FILE *f = fopen(path, "rbe");
    *len = f == NULL ? 0 : fread(out, 1, cap, f);
    bool ok = f != NULL && ferror(f) == 0 && fgetc(f) == EOF;
    if (!ok)
        buf_addf(why, "%s: %s", path, f == NULL ? strerror(errno) : "is too long to be what it should be");
    int err = ok ? ZEGEL_OK : f == NULL ? ZEGEL_ERR_NOT_FOUND : ZEGEL_ERR_FORMAT;
    if (f != NULL)
        (void)fclose(f);
    return err;
}

/* One line of result, where the progress was. */
static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list args;
    progress_end();
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
}

static int tell(const struct zegeltoken *z, const char *what, uint8_t ins, uint8_t p1, uint8_t p2, struct span data,
                uint8_t answer[APPLET_RESPONSE_MAX], size_t *len, struct buf *why)
{
    return zegeltoken_said(z, what, applet_command(&z->applet, ins, p1, p2, data, answer, len), why);
}

/* ---- what each command does, with the administrator's PIN verified */

static int write_share(const struct zegeltoken *z, unsigned number, const char *dir, struct buf *why)
{
    uint8_t share[APPLET_RESPONSE_MAX];
    struct buf path = BUF_INIT, text = BUF_INIT;
    size_t len = 0;
    int err = tell(z, "reading a share", SHARE, (uint8_t)number, 0, nothing, share, &len, why);
    if (err == ZEGEL_OK && len != SHARE_LEN)
        err = zegeltoken_said(z, "reading a share", SW_FAULT, why);
    for (size_t k = 0; err == ZEGEL_OK && k < len; k++)
        buf_addf(&text, "%02x", share[k]);
    buf_add_str(&text, "\n");
    buf_addf(&path, "%s/share-%u", dir, number);
    if (err == ZEGEL_OK)
        err = io_write_new(buf_cstr(&path), buf_bytes(&text), why);
    wipe(share, sizeof share);
    buf_free(&text);
    buf_free(&path);
    return err;
}

static int domain(const struct zegeltoken *z, const struct cmd_options *o, char **words, struct buf *why)
{
    uint8_t answer[APPLET_RESPONSE_MAX];
    unsigned n = 0, m = 0;
    size_t len;
    char end;
    (void)words;
    if (sscanf(o->shares, "%u/%u%c", &n, &m, &end) != 2 || n < 2 || n > m || m > SHARES_MAX) {
        buf_addf(why, "--shares is N/M: N of M, 2 <= N <= M <= %d", SHARES_MAX);
        return ZEGEL_ERR_USAGE;
    }
    int err = tell(z, "a new backup domain", NEW, (uint8_t)n, (uint8_t)m, nothing, answer, &len, why);
    for (unsigned i = 1; i <= m && err == ZEGEL_OK; i++)
        err = write_share(z, i, o->out, why);
    if (err == ZEGEL_OK && o->json)
        cmd_print_json(
            json_pack("{s:s, s:s, s:i, s:i}", "name", z->name, "directory", o->out, "needed", (int)n, "shares", (int)m));
    else if (err == ZEGEL_OK)
        say("%s/share-1 to share-%u: one for each custodian, then remove them from here; any %u make the domain again\n", o->out,
            m, n);
    return err;
}

static bool share_of(const uint8_t *text, size_t len, uint8_t share[SHARE_LEN])
{
    size_t have;
    return bytes_unhex(bytes_trim(bytes_of(text, len)), share, SHARE_LEN, &have) && have == SHARE_LEN;
}

static int join_one(const struct zegeltoken *z, const char *path, unsigned *missing, struct buf *why)
{
    uint8_t text[2 * SHARE_LEN + 8], share[SHARE_LEN], answer[APPLET_RESPONSE_MAX];
    size_t len;
    int err = read_all(path, text, sizeof text - 1, &len, why);
    text[err == ZEGEL_OK ? len : 0] = '\0';
    if (err == ZEGEL_OK && !share_of(text, len, share)) {
        buf_addf(why, "%s: is no share (%d hexadecimal digits)", path, 2 * SHARE_LEN);
        err = ZEGEL_ERR_FORMAT;
    }
    if (err == ZEGEL_OK)
        err = tell(z, path, JOIN, 0, 0, span_of(share, sizeof share), answer, &len, why);
    if (err == ZEGEL_OK)
        *missing = len == 1 ? answer[0] : SHARES_MAX;
    wipe(text, sizeof text);
    wipe(share, sizeof share);
    return err;
}

static int join(const struct zegeltoken *z, const struct cmd_options *o, char **words, struct buf *why)
{
    unsigned missing = SHARES_MAX;
    int err = ZEGEL_OK;
    while (*words != NULL && err == ZEGEL_OK && missing > 0)
        err = join_one(z, *words++, &missing, why);
    if (err == ZEGEL_OK && missing > 0) {
        buf_addf(why, "token %s: %u more shares are needed, in one command with these", z->name, missing);
        err = ZEGEL_ERR_USAGE;
    }
    if (err == ZEGEL_OK && o->json)
        cmd_print_json(json_pack("{s:s, s:b}", "name", z->name, "backup_domain", 1));
    else if (err == ZEGEL_OK)
        say("token %s: has the backup domain now\n", z->name);
    return err;
}

static int find_number(const struct zegeltoken *z, const struct cmd_options *o, uint8_t *number, struct buf *why)
{
    struct applet_info info = {0};
    struct applet_key k = {0};
    int err = zegeltoken_said(z, "looking at it", applet_info(&z->applet, &info), why);
    for (size_t i = 0; i < info.count && err == ZEGEL_OK; i++) {
        err = zegeltoken_said(z, "looking at its keys", applet_key_info(&z->applet, info.numbers[i], &k), why);
        if (err == ZEGEL_OK && strcmp(k.domain, o->domain) == 0 && strcmp(k.selector, o->selector) == 0) {
            *number = k.number;
            return ZEGEL_OK;
        }
    }
    if (err == ZEGEL_OK)
        buf_addf(why, "%s/%s: not on token %s", o->domain, o->selector, z->name);
    return err == ZEGEL_OK ? ZEGEL_ERR_NOT_FOUND : err;
}

static int export(const struct zegeltoken *z, const struct cmd_options *o, char **words, struct buf *why)
{
    uint8_t box[APPLET_RESPONSE_MAX], number = 0;
    size_t len;
    (void)words;
    int err = find_number(z, o, &number, why);
    if (err == ZEGEL_OK)
        err = tell(z, "wrapping the key", EXPORT, number, 0, nothing, box, &len, why);
    if (err == ZEGEL_OK)
        err = io_write_new(o->out, bytes_of(box, len), why);
    if (err == ZEGEL_OK && o->json)
        cmd_print_json(
            json_pack("{s:s, s:s, s:s, s:s}", "name", z->name, "file", o->out, "domain", o->domain, "selector", o->selector));
    else if (err == ZEGEL_OK)
        say("%s: %s/%s, wrapped for the backup domain of token %s\n", o->out, o->domain, o->selector, z->name);
    return err;
}

static int restore(const struct zegeltoken *z, const struct cmd_options *o, char **words, struct buf *why)
{
    uint8_t box[APPLET_RESPONSE_MAX], answer[APPLET_RESPONSE_MAX];
    struct applet_key k = {0};
    size_t len, got;
    int err = read_all(words[0], box, sizeof box, &len, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_free_number(z, &k, why);
    if (err == ZEGEL_OK)
        err = tell(z, words[0], RESTORE, k.number, 0, span_of(box, len), answer, &got, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_said(z, "looking at the key", applet_key_info(&z->applet, k.number, &k), why);
    if (err == ZEGEL_OK && o->json)
        cmd_print_json(json_pack("{s:s, s:s, s:s, s:s}", "name", z->name, "domain", k.domain, "selector", k.selector, "policy",
                                 zegeltoken_policy_name(k.policy)));
    else if (err == ZEGEL_OK)
        say("token %s: has %s/%s, policy %s\n", z->name, k.domain, k.selector, zegeltoken_policy_name(k.policy));
    return err;
}

/* ---- */

typedef int act_fn(const struct zegeltoken *z, const struct cmd_options *o, char **words, struct buf *why);

static int with_admin(const struct config_token *t, const struct cmd_options *o, act_fn *act, char **words, struct buf *why)
{
    struct zegeltoken_opened token;
    int err = zegeltoken_open(t, &token, why);
    if (err != ZEGEL_OK)
        return err;
    err = zegeltoken_admin(&token.z, o, why);
    if (err == ZEGEL_OK) {
        progress_begin(o, "the token works", 0);
        err = act(&token.z, o, words, why);
        progress_end();
        zegeltoken_admin_end(&token.z);
    }
    zegeltoken_close(&token);
    return err;
}

/* `lacks`: what the command line has to have, or NULL when it has it. */
static int run(int argc, char **argv, const struct cmd *cmd, act_fn *act, const char *(*lacks)(const struct cmd_options *, int))
{
    struct cmd_options o;
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    const char *missing = lacks(&o, argc - optind);
    if (missing != NULL)
        return cmd_misuse(cmd, missing);
    struct config *c = cmd_config(cmd, &o, &code);
    if (c == NULL)
        return code;
    const struct config_token *t = cmd_find_token(c, o.token);
    int err = t == NULL ? ZEGEL_ERR_USAGE : with_admin(t, &o, act, argv + optind, &why);
    if (t == NULL)
        buf_addf(&why, "--token %s: not in the configuration", o.token);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    buf_free(&why);
    config_free(c);
    return code;
}

static const char *domain_lacks(const struct cmd_options *o, int words)
{
    return o->shares == NULL || o->out == NULL || words != 0 ? "needs --shares N/M and --out DIRECTORY" : NULL;
}

static const char *join_lacks(const struct cmd_options *o, int words)
{
    (void)o;
    return words < 2 ? "names as many files with shares as the domain needs" : NULL;
}

static const char *export_lacks(const struct cmd_options *o, int words)
{
    bool whole = o->domain != NULL && o->selector != NULL && o->out != NULL && words == 0;
    return whole ? NULL : "needs --domain, --selector and --out FILE";
}

static const char *restore_lacks(const struct cmd_options *o, int words)
{
    (void)o;
    return words != 1 ? "names one file that token export wrote" : NULL;
}

static int run_domain(int argc, char **argv)
{
    return run(argc, argv, &cmd_token_shares, domain, domain_lacks);
}

static int run_join(int argc, char **argv)
{
    return run(argc, argv, &cmd_token_join, join, join_lacks);
}

static int run_export(int argc, char **argv)
{
    return run(argc, argv, &cmd_token_export, export, export_lacks);
}

static int run_restore(int argc, char **argv)
{
    return run(argc, argv, &cmd_token_restore, restore, restore_lacks);
}

const struct cmd cmd_token_shares = {"token", "shares", run_domain,
                                     "--shares N/M --out DIRECTORY --so-pin-file FILE [--token NAME] [--json]",
                                     "Zegel token: a backup domain, as shares for custodians."};
const struct cmd cmd_token_join = {"token", "join", run_join, "--so-pin-file FILE [--token NAME] [--json] SHARE...",
                                   "Zegel token: another one's backup domain, from shares."};
const struct cmd cmd_token_export = {"token", "export", run_export,
                                     "--domain D --selector S --out FILE --so-pin-file FILE [--token NAME] [--json]",
                                     "Zegel token: a key that may leave, wrapped."};
const struct cmd cmd_token_restore = {"token", "restore", run_restore, "--so-pin-file FILE [--token NAME] [--json] FILE",
                                      "Zegel token: a wrapped key, with all it is bound to."};
