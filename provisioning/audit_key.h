/* audit_key: --key, the public key of the audit log. */
#ifndef ZEGEL_AUDIT_KEY_H
#define ZEGEL_AUDIT_KEY_H

#include "audit/note.h"
#include "cmd.h"

/* The key itself, as zegel audit key prints it, or file:/PATH of a file with that line. False: what is wrong was said, and *code
 * is the exit code. */
bool audit_key(const struct cmd *cmd, const struct cmd_options *o, struct note_key *key, int *code);

#endif
