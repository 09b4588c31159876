/* zegel: the tool of custodians and operators.
 *
 * Purpose: one command per file cmd_*.c; this one only finds it.
 * Security: runs as a person, not as a service; the PIN comes from where the configuration says or from the terminal.
 * Diagnostics: one line on standard error; exit codes 0 done, 1 no, 2 usage or configuration, 3 token, DNS or system. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd.h"

const struct cmd *const cmd_table[] = {
    &cmd_token_list,
    &cmd_token_init,
    &cmd_token_info,
    &cmd_token_unlatch,
    &cmd_token_reconcile,
    &cmd_token_shares,
    &cmd_token_join,
    &cmd_token_export,
    &cmd_token_restore,
    &cmd_key_generate,
    &cmd_key_list,
    &cmd_key_show,
    &cmd_key_destroy,
    &cmd_key_forget,
    &cmd_dns_record,
    &cmd_dns_publish,
    &cmd_dns_check,
    &cmd_dns_observe,
    &cmd_check,
    &cmd_doctor,
    &cmd_import_opendkim,
    &cmd_import_dkimpy,
    &cmd_import_rspamd,
    &cmd_sign,
    &cmd_verify,
    &cmd_status,
    &cmd_top,
    &cmd_metrics,
    &cmd_completion,
    &cmd_audit_key,
    &cmd_audit_verify,
    &cmd_audit_export,
    &cmd_audit_prove,
    &cmd_ceremony_prepare,
    &cmd_ceremony_lint,
    &cmd_ceremony_rehearse,
    &cmd_ceremony_approve,
    &cmd_ceremony_export,
    &cmd_ceremony_import,
    &cmd_ceremony_run,
    &cmd_ceremony_exception,
    &cmd_ceremony_abandon,
    &cmd_ceremony_seal,
    &cmd_ceremony_verify,
    &cmd_ceremony_permits,
    &cmd_ceremony_split_pin,
    &cmd_rotate_plan,
    &cmd_rotate_run,
    &cmd_rotate_status,
    &cmd_rotate_compromise,
    &cmd_rotate_abort,
    &cmd_rotate_approve,
    &cmd_rotate_suspend,
    &cmd_rotate_resume,
    &cmd_rotate_adopt,
    NULL,
};

static int usage(FILE *f)
{
    (void)fputs("Usage: zegel COMMAND [--help] [--config FILE] ...\n\n", f);
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++) {
        char name[40];
        (void)snprintf(name, sizeof name, "%s%s%s", (*c)->group == NULL ? "" : (*c)->group, (*c)->group == NULL ? "" : " ",
                       (*c)->name);
        (void)fprintf(f, "  %-18s %s\n", name, (*c)->summary);
    }
    return f == stdout ? CMD_DONE : CMD_USAGE;
}

int main(int argc, char **argv)
{
    log_open("zegel", LOG_LEVEL_WARN);
    if (argc >= 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc >= 2 && strcmp(argv[1], "--version") == 0)
        return puts("zegel " ZEGEL_VERSION) < 0 || fflush(stdout) != 0 ? CMD_FAULT : CMD_DONE;
    for (const struct cmd *const *c = cmd_table; *c != NULL && argc >= 2; c++) {
        int words = (*c)->group == NULL ? 1 : 2;
        if (argc > words && strcmp(argv[1], words == 1 ? (*c)->name : (*c)->group) == 0 && strcmp(argv[words], (*c)->name) == 0) {
            int code = (*c)->run(argc - words, argv + words);
            if (fflush(stdout) != 0) {
                perror("zegel: standard output");
                return CMD_FAULT;
            }
            return code;
        }
    }
    return usage(stderr);
}
