/* verify: a transcript checked from the outside: no token, no network, no configuration, no trust in who ran it. */
#ifndef ZEGEL_CEREMONY_VERIFY_H
#define ZEGEL_CEREMONY_VERIFY_H

#include "ceremony/transcript.h"

/* Does DNSSEC vouch for an answer? NONE: it is not from DNS. A bogus one is none: an error. */
enum verify_dnssec { VERIFY_DNSSEC_NONE, VERIFY_DNSSEC_INSECURE, VERIFY_DNSSEC_SECURE };
/* Every TXT record of `name` (absolute, with its dot), the strings of each joined, is appended to `texts`. ZEGEL_OK also when
 * there are none; an error with a line in `why` when nobody can say. */
typedef int verify_txt(void *arg, const char *name, json_t *texts, enum verify_dnssec *dnssec, struct buf *why);

struct verify_options {
    const char *previous; /* directory of the transcript before, NULL: only its hash is known */
    const char *trust;    /* PEM certificates that the auditor got from the people themselves, NULL: fingerprints are printed */
    const char *tsa;      /* PEM certificate of the time-stamping authority, NULL: manifest.tsr is not checked */
    const char *zone;     /* zone file that the records of the transcript should stand in, NULL: not checked */
    verify_txt *dns; /* asks DNS: the records should stand there, too; NULL: not checked. The engine itself knows no network */
    void *dns_arg;
    const char *audit; /* names the audit log that `signings` was read from; NULL: not checked */
    json_t *signings;  /* of a log that is whole: "DOMAIN/SELECTOR" → {count, first, last}: signatures, seconds since 1970 */
};

/* What a good transcript did, of the very octets that were checked. */
struct verify_result {
    bool abandoned; /* given up before its end: it permits nothing */
    enum plan_action action;
    unsigned serial;
    bool backup_tried; /* of each key that was made, a wrapped backup was restored and signed */
    json_t *keys;      /* as in response.json; a new reference, NULL when it was abandoned before there was one */
};

/* ZEGEL_OK: everything holds; `report` says what is proved, what the module claims, what people attest, one line each with its
 * kind in front. Else the first thing that does not hold, in `why`. Each file is read once, none is written. *result (may be
 * NULL) is filled when everything holds. */
int verify_transcript(const char *dir, const struct verify_options *o, struct verify_result *result, struct buf *report,
                      struct buf *why);

#endif
