/* cmd_ceremony_plan: plan.yaml out of what was said on the command line, or in the interview. */
#ifndef ZEGEL_CMD_CEREMONY_PLAN_H
#define ZEGEL_CMD_CEREMONY_PLAN_H

#include "ceremony/plan.h"

enum { PLAN_FLAGS_MAX = 64 };

/* NULL: not said yet. */
struct plan_flags {
    const char *action, *serial, *organisation, *module, *label, *threshold, *days, *previous, *backup_reason, *backup_label,
        *backup_module, *backup_restored, *backup_dkek;
    const char *administrator, *dns_operator, *witness, *transcript; /* NAME=FILE */
    const char *keys[PLAN_FLAGS_MAX], *custodians[PLAN_FLAGS_MAX];
    size_t keys_count, custodians_count;
};

/* The text of plan.yaml. It reads the token that is plugged in, the certificates and the transcript before. */
int ceremony_plan_yaml(const struct plan_flags *f, struct buf *yaml, struct buf *why);
/* Parts of it, each with what is wrong in `why`: NAME=FILE; DOMAIN/SELECTOR:ALGORITHM[:SPKI-SHA256]; a token. Lines after the
 * first are indented. */
int ceremony_plan_person(struct buf *yaml, const char *indent, const char *text, struct buf *why);
int ceremony_plan_key(struct buf *yaml, const char *text, struct buf *why);
int ceremony_plan_token(struct buf *yaml, const char *indent, const char *module, const char *label, struct buf *why);

/* Asks people at standard input for everything that is needed, one question at a time, with defaults; what is said wrongly is
 * asked again. Answers live until ceremony_interview_free. ZEGEL_ERR_REFUSED when the input ends, or the last answer is not Yes.
 */
struct interview;
int ceremony_interview(const char *dir, struct plan_flags *f, struct interview **out, struct buf *why);
void ceremony_interview_free(struct interview *i);

#endif
