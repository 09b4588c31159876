/* cmd: what all commands of zegel share. A command gets its own words behind its name and returns an exit code. */
#ifndef ZEGEL_CMD_H
#define ZEGEL_CMD_H

#include <getopt.h>
#include <jansson.h>

#include "base/err.h"
#include "config/config.h"
#include "dns/update.h"
#include "pkcs11/key.h"

/* DESIGN §3. */
enum { CMD_DONE = 0, CMD_NO = 1, CMD_USAGE = 2, CMD_FAULT = 3 };

struct cmd {
    const char *group; /* "token", or NULL for a command of one word */
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the last word of the command's name */
    const char *usage;                 /* the options, as in a man page's synopsis */
    const char *summary;               /* one line */
};

extern const struct cmd cmd_token_list, cmd_token_init, cmd_token_info, cmd_token_unlatch, cmd_token_reconcile, cmd_key_generate,
    cmd_key_list, cmd_key_show, cmd_key_destroy, cmd_key_forget, cmd_dns_record, cmd_dns_publish, cmd_dns_check, cmd_dns_observe,
    cmd_check, cmd_doctor, cmd_import_opendkim, cmd_import_dkimpy, cmd_import_rspamd, cmd_sign, cmd_verify, cmd_audit_key,
    cmd_audit_verify, cmd_audit_export, cmd_audit_prove, cmd_ceremony_prepare, cmd_ceremony_lint, cmd_ceremony_rehearse,
    cmd_ceremony_approve, cmd_ceremony_export, cmd_ceremony_import, cmd_ceremony_run, cmd_ceremony_exception,
    cmd_ceremony_abandon, cmd_ceremony_seal, cmd_ceremony_verify, cmd_ceremony_permits;
extern const struct cmd cmd_ceremony_split_pin;
extern const struct cmd cmd_token_shares, cmd_token_join, cmd_token_export, cmd_token_restore;
extern const struct cmd cmd_rotate_plan, cmd_rotate_run, cmd_rotate_status, cmd_rotate_compromise, cmd_rotate_abort,
    cmd_rotate_approve, cmd_rotate_suspend, cmd_rotate_resume, cmd_rotate_adopt;
extern const struct cmd cmd_status, cmd_top, cmd_metrics, cmd_completion;
/* All of them, NULL behind the last. */
extern const struct cmd *const cmd_table[];

/* Options every command takes, and those most take. */
struct cmd_options {
    const char *config; /* --config */
    bool json;          /* --json */
    const char *domain, *selector, *token, *algorithm, *so_pin_file, *label, *zone, *authserv_id, *key;
    const char *as, *pin, *backup_pin, *module, *card, *previous, *trust, *tsa, *text, *decision, *agreed, *state;
    const char *html, *lang, *explain, *resolver, *audit, *threshold, *shares;
    const char *policy, *rate, *daily_cap, *out;
    const char *textfile, *interval, *count;
    const char *postfix;
    bool non_interactive, all, no_token, no_canary, non_sending, strict, may_leave, dns;
};

/* Parses argv; words that are no options stay at argv[optind]. False after the usage was printed; *code is then the exit code. */
bool cmd_options(int argc, char **argv, const struct cmd *cmd, struct cmd_options *out, int *code);
/* One line to standard error: "zegel token list: ...". Returns the exit code that belongs to `err`. */
int cmd_fail(const struct cmd *cmd, int err, const char *text);
/* Wrong use: prints `problem` and how to get help; returns CMD_USAGE. */
int cmd_misuse(const struct cmd *cmd, const char *problem);
/* Loads the configuration or fails; *code is the exit code. */
struct config *cmd_config(const struct cmd *cmd, const struct cmd_options *o, int *code);
/* May standard output have colours: a terminal that is not dumb, and no NO_COLOR (no-color.org). Never the only signal. */
bool cmd_colour(void);
/* Is this one of the keys that --domain and --selector leave? */
bool cmd_wants_key(const struct cmd_options *o, const struct config_domain *d, const struct config_key *k);
/* How many they leave. */
unsigned cmd_keys_wanted(const struct cmd_options *o, const struct config *c);
/* Prints and frees. */
void cmd_print_json(json_t *j);

/* A token of the configuration, opened and logged in. */
struct cmd_token {
    struct module *module;
    struct token *token;
};

/* `name` NULL: the first. The PIN comes from where the configuration says, or is asked for on the terminal. */
const struct config_token *cmd_find_token(const struct config *c, const char *name);
/* The token, not logged in, by whichever of its modules has it. The caller closes both; on failure nothing is open. */
int cmd_token_find(const struct config_token *t, const struct token_config *cfg, struct module **m, struct token **out,
                   struct buf *why);
int cmd_token_open(const struct config *c, const struct config_token *t, struct cmd_token *out, struct buf *why);
void cmd_token_close(struct cmd_token *t);
/* A PIN from `source` (config_token.pin) or, for prompt, from the terminal without echo. */
int cmd_read_pin(const struct config_token *t, struct buf *pin, struct buf *why);
/* One line from the terminal itself, without echo; not empty. */
int cmd_ask_secret(const char *prompt, struct buf *secret, struct buf *why);
int cmd_read_secret_file(const char *path, struct buf *pin, struct buf *why);

/* The server that takes the updates of this domain, and its secret, which *out points into. */
int cmd_update_server(const struct config *c, const struct config_domain *d, struct update_server *out, struct buf *secret,
                      struct buf *why);

#endif
