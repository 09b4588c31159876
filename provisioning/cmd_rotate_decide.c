/* zegel rotate compromise, abort, approve, suspend, resume, adopt: what people decide. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd_rotate.h"
#include "lifecycle/decide.h"

static bool find_approval(const char *word, enum decision *what)
{
    static const struct {
        const char *word;
        enum decision what;
    } all[] = {{"backup", DECIDE_BACKUP}, {"activate", DECIDE_ACTIVATE}, {"destroy", DECIDE_DESTROY}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(word, all[i].word) == 0) {
            *what = all[i].what;
            return true;
        }
    return false;
}

/* One decision, and then whatever is due because of it. */
static int decide_and_run(int argc, char **argv, const struct cmd *cmd, enum decision what)
{
    struct rotate r = {.cmd = cmd};
    struct buf why = BUF_INIT;
    int code;
    if (!rotate_open(&r, argc, argv, true, &code))
        return code;
    bool of_domain = what == DECIDE_SUSPEND || what == DECIDE_RESUME;
    bool approves = cmd == &cmd_rotate_approve;
    const char *word = argv[optind], *next = word == NULL ? NULL : argv[optind + 1];
    bool known = !approves || (word != NULL && find_approval(word, &what));
    struct decide d = {.store = r.store,
                       .domain = rotate_domain(&r, &code),
                       .who = r.who,
                       .note = r.opt.text == NULL ? "" : r.opt.text,
                       .transcript = approves ? next : word,
                       .now_s = clock_wall_s()};
    if (d.domain == NULL) {
        /* said */
    } else if (!of_domain && r.opt.selector == NULL) {
        code = cmd_misuse(cmd, "needs --selector");
    } else if (!known) {
        code = cmd_misuse(cmd, "say what is approved: backup, activate or destroy");
    } else {
        int err = decide(&d, what, of_domain ? NULL : r.opt.selector, &why);
        code = err == ZEGEL_OK ? rotate_run(&r) : cmd_fail(cmd, err, buf_cstr(&why));
    }
    rotate_close(&r);
    buf_free(&why);
    return code;
}

static int run_compromise(int argc, char **argv)
{
    return decide_and_run(argc, argv, &cmd_rotate_compromise, DECIDE_COMPROMISE);
}

static int run_abort(int argc, char **argv)
{
    return decide_and_run(argc, argv, &cmd_rotate_abort, DECIDE_ABORT);
}

static int run_approve(int argc, char **argv)
{
    return decide_and_run(argc, argv, &cmd_rotate_approve, DECIDE_DESTROY);
}

static int run_suspend(int argc, char **argv)
{
    return decide_and_run(argc, argv, &cmd_rotate_suspend, DECIDE_SUSPEND);
}

static int run_resume(int argc, char **argv)
{
    return decide_and_run(argc, argv, &cmd_rotate_resume, DECIDE_RESUME);
}

/* "SELECTOR,SELECTOR" cut in place: how many there are, of which the first are kept. */
static unsigned cut(char *list, char *out[STORE_KEYS_MAX])
{
    unsigned count = 0;
    for (char *word = strtok(list, ","); word != NULL; word = strtok(NULL, ","), count++)
        if (count < STORE_KEYS_MAX)
            out[count] = word;
    return count;
}

static int run_adopt(int argc, char **argv)
{
    struct rotate r = {.cmd = &cmd_rotate_adopt};
    struct buf why = BUF_INIT;
    char *selectors[STORE_KEYS_MAX];
    int code;
    if (!rotate_open(&r, argc, argv, true, &code))
        return code;
    struct decide d = {.store = r.store,
                       .domain = rotate_domain(&r, &code),
                       .who = r.who,
                       .note = r.opt.text == NULL ? "" : r.opt.text,
                       .transcript = argv[optind],
                       .now_s = clock_wall_s()};
    char *list = strdup(r.opt.selector == NULL ? "" : r.opt.selector);
    if (d.domain != NULL && list != NULL) {
        struct token *t = rotate_token(&r, d.domain->rotates->token_index, &why);
        int err = t == NULL ? ZEGEL_ERR_TOKEN_GONE : decide_adopt(&d, t, selectors, cut(list, selectors), &why);
        code = err == ZEGEL_OK ? rotate_run(&r) : cmd_fail(r.cmd, err, buf_cstr(&why));
    } else if (d.domain != NULL) {
        code = cmd_fail(r.cmd, ZEGEL_ERR_NOMEM, "");
    }
    free(list);
    rotate_close(&r);
    buf_free(&why);
    return code;
}

const struct cmd cmd_rotate_compromise = {
    "rotate", "compromise", run_compromise, "--domain DOMAIN --selector SELECTOR [--text REASON] [--json]",
    "A key is in wrong hands, or may be: its successor signs now, p= becomes empty, the key is destroyed."};
const struct cmd cmd_rotate_abort = {"rotate", "abort", run_abort, "--domain DOMAIN --selector SELECTOR [--text REASON] [--json]",
                                     "Give up a generation that has not signed yet."};
const struct cmd cmd_rotate_approve = {
    "rotate", "approve", run_approve,
    "backup|activate|destroy --domain DOMAIN --selector SELECTOR [--text REASON] [--json] [TRANSCRIPT]",
    "There is a backup; a generation may sign (where trust: is set); the keys of a retired one may be destroyed."};
const struct cmd cmd_rotate_suspend = {"rotate", "suspend", run_suspend, "--domain DOMAIN [--text REASON] [--json]",
                                       "Nothing is done for a domain until resume, but for a compromise."};
const struct cmd cmd_rotate_resume = {"rotate", "resume", run_resume, "--domain DOMAIN [--text REASON] [--json]",
                                      "Go on with a domain that was suspended, or that is frozen and was looked into."};
const struct cmd cmd_rotate_adopt = {"rotate", "adopt", run_adopt,
                                     "--domain DOMAIN --selector SELECTOR[,SELECTOR] [--text REASON] [--json] [TRANSCRIPT]",
                                     "Take keys that a ceremony made as the next generation."};
