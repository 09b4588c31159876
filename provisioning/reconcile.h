/* reconcile: does the Zegel token's own log say the same as the host's audit log? What is compared is what neither can make
 * alone: the token's entries are chained and their head is signed by its device key; the audit log's tree is checked by
 * audit_verify. */
#ifndef ZEGEL_RECONCILE_H
#define ZEGEL_RECONCILE_H

#include "audit/note.h"
#include "zegeltoken.h"

struct reconcile_report {
    uint64_t from, to;    /* numbers of the token's log that were compared: from is the last one of the time before */
    uint64_t entries;     /* that were read */
    uint64_t overwritten; /* numbers in between that the token no longer has: then signatures are counted, not compared */
    uint64_t signatures;  /* by keys for mail, each looked for in the audit log */
    uint64_t blind;       /* signatures by blind keys, which no audit record has */
    uint64_t records;     /* of the audit log, signed by keys of this token since the time before */
    json_t *differences;  /* strings, one line each; the caller's */
};

/* Looks, waits (what is under way needs a moment to be recorded), compares, and keeps where it was in STATE/token/NAME. The
 * first time pins the device key. ZEGEL_OK also when there are differences; otherwise one line in `why`. */
int reconcile(const struct zegeltoken *z, const char *state, const struct note_key *key, struct reconcile_report *out,
              struct buf *why);

#endif
