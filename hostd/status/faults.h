/* faults: what in the book wants a person. */
#ifndef ZEGEL_STATUS_FAULTS_H
#define ZEGEL_STATUS_FAULTS_H

#include "status/book.h"

enum fault {
    FAULT_PROCESS_DOWN,
    FAULT_TOKEN_DOWN, /* none of its workers is logged in */
    FAULT_PIN_LATCHED,
    FAULT_PIN_LOCKED,
    FAULT_PIN_FINAL,
    FAULT_PIN_LOW,
    FAULT_KEYS_MISSING,
    FAULT_QUARANTINED,
    FAULT_TOKEN_LOG, /* it does not say what the audit log says */
    FAULT_AUDIT_LAG, /* records wait for a checkpoint for a minute and more */
    FAULTS
};

enum { FAULTS_SHOWN = 64, FAULTS_AUDIT_LAG_S = 60 };

struct fault_found {
    enum fault fault;
    char name[FIGURES_NAME_MAX + 33]; /* of the process or token; "" */
};

/* At most FAULTS_SHOWN into `out`; how many. */
unsigned faults_find(const struct book *b, int64_t now_s, struct fault_found out[FAULTS_SHOWN]);
/* "token-down", for machines; for people: words.h. */
const char *fault_word(enum fault f);

#endif
