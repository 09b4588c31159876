/* verify: a transcript checked from the outside: no token, no network, no configuration, no trust in who ran it. */
#ifndef ZEGEL_CEREMONY_VERIFY_H
#define ZEGEL_CEREMONY_VERIFY_H

#include "ceremony/transcript.h"

struct verify_options {
    const char *previous; /* directory of the transcript before, NULL: only its hash is known */
    const char *trust;    /* PEM certificates that the auditor got from the people themselves, NULL: fingerprints are printed */
    const char *tsa;      /* PEM certificate of the time-stamping authority, NULL: manifest.tsr is not checked */
    const char *zone;     /* zone file that the records of the transcript should stand in, NULL: not checked */
};

/* What a good transcript did, of the very octets that were checked. */
struct verify_result {
    bool abandoned; /* given up before its end: it permits nothing */
    enum plan_action action;
    unsigned serial;
    json_t *keys; /* as in response.json; a new reference, NULL when it was abandoned before there was one */
};

/* ZEGEL_OK: everything holds; `report` says what is proved, what the module claims, what people attest, one line each with its
 * kind in front. Else the first thing that does not hold, in `why`. Each file is read once, none is written. *result (may be
 * NULL) is filled when everything holds. */
int verify_transcript(const char *dir, const struct verify_options *o, struct verify_result *result, struct buf *report,
                      struct buf *why);

#endif
