/* zegel ceremony split-pin: a token gets a random PIN that nobody sees, in shares; and how shares become that PIN again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "ceremony/shares.h"
#include "ceremony/store.h"
#include "cmd_ceremony.h"
#include "pkcs11/init.h"

enum { PIN_LEN = 24, TRIES = 3, SHARE_FILE_MAX = 512 };

/* ---- reading shares ---- */

bool ceremony_is_shares(const char *source)
{
    return strcmp(source, "shares") == 0 || strncmp(source, "shares:", 7) == 0;
}

/* A mistyped one is asked for again: its own check tells, and no PIN is made of it. */
static int type_share(const char *name, unsigned number, unsigned of, struct share *out, struct buf *why)
{
    struct buf prompt = BUF_INIT, text = BUF_INIT;
    int err = ZEGEL_ERR_REFUSED;
    for (unsigned try = 0; try < TRIES; try++) {
        buf_clear(&prompt);
        buf_clear(&text);
        buf_clear(why);
        buf_addf(&prompt, "%sShare %u", try > 0 ? "That is no share, or was mistyped. Once more. " : "", number);
        if (of > 0)
            buf_addf(&prompt, " of %u", of);
        buf_addf(&prompt, " for token %s (not shown)", name);
        err = cmd_ask_secret(buf_cstr(&prompt), &text, why);
        if (err == ZEGEL_OK && shares_parse(buf_bytes(&text), out))
            break;
        if (err == ZEGEL_OK)
            buf_addf(why, "share %u: is none, or was mistyped; nothing was sent to the token", number);
        err = err == ZEGEL_OK ? ZEGEL_ERR_REFUSED : err;
        if (err != ZEGEL_ERR_REFUSED)
            break;
    }
    buf_free(&prompt);
    buf_free(&text);
    return err;
}

static int read_share(const char *path, struct share *out, struct buf *why)
{
    struct buf text = BUF_INIT;
    int err = io_read_file(path, SHARE_FILE_MAX, &text, why);
    if (err == ZEGEL_OK && !shares_parse(buf_bytes(&text), out)) {
        buf_addf(why, "%s: is no share, or was changed; nothing was sent to the token", path);
        err = ZEGEL_ERR_REFUSED;
    }
    buf_free(&text);
    return err;
}

static int from_files(const char *list, struct share *shares, unsigned *count, struct buf *why)
{
    char path[4096];
    int err = ZEGEL_OK;
    for (*count = 0; err == ZEGEL_OK && *list != '\0' && *count < SHARES_MAX; (*count)++) {
        size_t len = strcspn(list, ",");
        (void)snprintf(path, sizeof path, "%.*s", (int)(len < sizeof path ? len : sizeof path - 1), list);
        err = read_share(path, &shares[*count], why);
        list += len + (list[len] == ',');
    }
    return err;
}

static int from_terminal(const char *name, struct share *shares, unsigned *count, struct buf *why)
{
    int err = type_share(name, 1, 0, &shares[0], why);
    for (*count = 1; err == ZEGEL_OK && *count < shares[0].threshold; (*count)++)
        err = type_share(name, *count + 1, shares[0].threshold, &shares[*count], why);
    return err;
}

int ceremony_read_shares(const char *name, const char *source, struct buf *pin, struct buf *why)
{
    struct share shares[SHARES_MAX];
    unsigned count = 0;
    int err = source[6] == ':' ? from_files(source + 7, shares, &count, why) : from_terminal(name, shares, &count, why);
    if (err == ZEGEL_OK)
        err = shares_combine(shares, count, pin, why);
    wipe(shares, sizeof shares);
    return err;
}

/* ---- handing them out ---- */

static int wait_for_enter(FILE *tty)
{
    int c;
    (void)fflush(tty);
    while ((c = fgetc(tty)) != EOF && c != '\n') {
    }
    return c == EOF ? ZEGEL_ERR_REFUSED : ZEGEL_OK;
}

/* To one custodian after the other; then the screen is cleared, with what scrolled away. */
static int show(const struct share *shares, unsigned count, struct buf *why)
{
    char text[SHARES_TEXT_MAX];
    FILE *tty = fopen("/dev/tty", "r+e");
    int err = tty == NULL ? ZEGEL_ERR_SYSTEM : ZEGEL_OK;
    for (unsigned i = 0; i < count && err == ZEGEL_OK; i++) {
        (void)fprintf(tty, "\nShare %u of %u. Only the custodian who keeps it may look. Press Enter to see it: ", i + 1, count);
        err = wait_for_enter(tty);
        shares_print(&shares[i], text);
        if (err == ZEGEL_OK) {
            (void)fprintf(tty, "\n    %s\n\nWrite it down and compare it. Press Enter, and the screen is cleared: ", text);
            err = wait_for_enter(tty);
        }
        (void)fputs("\033[2J\033[3J\033[H", tty);
        (void)fflush(tty);
    }
    wipe(text, sizeof text);
    if (tty != NULL)
        (void)fclose(tty);
    if (err != ZEGEL_OK)
        buf_add_str(why, "there is no terminal to show shares on, or nobody at it; or give a directory for files");
    return err;
}

static int write_share(const char *path, const struct share *s, struct buf *why)
{
    char text[SHARES_TEXT_MAX];
    shares_print(s, text);
    size_t len = strlen(text);
    text[len++] = '\n';
    int err = io_write_new(path, bytes_of(text, len), why);
    if (err != ZEGEL_OK)
        buf_add_str(why, "; the PIN was not changed");
    wipe(text, sizeof text);
    return err;
}

/* `files` becomes the source that the first `threshold` of them are read from again. */
static int write_shares(const char *dir, const struct share *shares, unsigned count, struct buf *files, struct buf *why)
{
    struct buf path = BUF_INIT;
    int err = ZEGEL_OK;
    buf_add_str(files, "shares:");
    for (unsigned i = 0; i < count && err == ZEGEL_OK; i++) {
        buf_clear(&path);
        buf_addf(&path, "%s/share-%u", dir, i + 1);
        err = write_share(buf_cstr(&path), &shares[i], why);
        if (i < shares[0].threshold)
            buf_addf(files, "%s%s", i > 0 ? "," : "", buf_cstr(&path));
    }
    buf_free(&path);
    return err == ZEGEL_OK ? store_sync(dir, why) : err;
}

/* What was handed out makes the PIN: custodians type it, or the files are read. Only then the token gets it. */
static int hand_out(const char *dir, const struct share *shares, unsigned count, struct bytes pin, struct buf *why)
{
    struct buf source = BUF_INIT, again = BUF_INIT;
    int err = dir == NULL ? show(shares, count, why) : write_shares(dir, shares, count, &source, why);
    if (err == ZEGEL_OK && dir == NULL) {
        (void)printf("Do they work? %u custodians type theirs, in any order.\n", shares[0].threshold);
        (void)fflush(stdout);
    }
    if (err == ZEGEL_OK)
        err = ceremony_read_shares("to be", dir == NULL ? "shares" : buf_cstr(&source), &again, why);
    if (err == ZEGEL_OK && !bytes_eq(buf_bytes(&again), pin)) {
        buf_add_str(why, "these shares are of another PIN; the token keeps the one it had");
        err = ZEGEL_ERR_REFUSED;
    }
    buf_free(&source);
    buf_free(&again);
    return err;
}

/* ---- the command ---- */

/* 0 when it is none. */
static unsigned small_number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    return *end == '\0' && n <= SHARES_MAX ? (unsigned)n : 0;
}

static int split(struct token *t, struct bytes old, const struct cmd_options *o, const char *dir, struct buf *why)
{
    unsigned threshold = small_number(o->threshold), count = small_number(o->shares);
    struct share shares[SHARES_MAX];
    struct buf pin = BUF_INIT;
    size_t len = t->info.ulMaxPinLen < PIN_LEN ? t->info.ulMaxPinLen : PIN_LEN;
    int err = shares_random_pin(len, &pin, why);
    if (err == ZEGEL_OK)
        err = shares_split(buf_bytes(&pin), threshold, count, shares, why);
    if (err == ZEGEL_OK)
        err = hand_out(dir, shares, count, buf_bytes(&pin), why);
    if (err == ZEGEL_OK)
        err = token_change_pin(t, old, buf_bytes(&pin), why);
    wipe(shares, sizeof shares);
    buf_free(&pin);
    return err;
}

static int with_token(const struct cmd_options *o, const char *dir, struct buf *why)
{
    struct module *m = NULL;
    struct token *t = NULL;
    struct buf latch = BUF_INIT, old = BUF_INIT;
    ceremony_latch_dir(o, &latch);
    struct token_config cfg = {.name = "split-pin", .uri = o->card, .latch_dir = buf_cstr(&latch), .sessions = 2};
    int err = module_open(o->module, NULL, &m, why);
    if (err == ZEGEL_OK)
        err = token_open(m, &cfg, &t, why);
    if (err == ZEGEL_OK)
        err = ceremony_ask_pin(&(struct ceremony_pin){cfg.name, o->pin}, &old, why);
    if (err == ZEGEL_OK)
        err = token_login(t, buf_bytes(&old), why);
    if (err == ZEGEL_OK)
        err = split(t, buf_bytes(&old), o, dir, why);
    token_close(t);
    module_close(m);
    buf_free(&old);
    buf_free(&latch);
    return err;
}

static int run_split_pin(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_ceremony_split_pin;
    struct cmd_options o;
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    if (o.threshold == NULL || o.shares == NULL || o.module == NULL || o.card == NULL || optind < argc - 1)
        return cmd_misuse(cmd, "needs --threshold, --shares, --module and --card, and at most one directory");
    int err = with_token(&o, optind < argc ? argv[optind] : NULL, &why);
    if (err == ZEGEL_OK)
        (void)printf("The token has a PIN that nobody has seen: %s of %s shares make it (--pin shares).\n", o.threshold,
                     o.shares);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    buf_free(&why);
    return code;
}

const struct cmd cmd_ceremony_split_pin = {
    "ceremony", "split-pin", run_split_pin,
    "--threshold M --shares N --module FILE --card URI [--pin SOURCE] [--state DIR] [DIR]",
    "Give a token a random PIN that nobody sees, in N shares of which M make it; DIR: into files there."};
