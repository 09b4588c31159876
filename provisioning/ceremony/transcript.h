/* transcript: one ceremony's directory as a whole: the plan with its hash, the approvals, the manifest and who signed it. */
#ifndef ZEGEL_CEREMONY_TRANSCRIPT_H
#define ZEGEL_CEREMONY_TRANSCRIPT_H

#include "ceremony/plan.h"
#include "ceremony/snapshot.h"

#define MANIFEST_FILE "manifest.json"
#define MANIFEST_FORMAT "zegel-ceremony-manifest-1"
#define RESPONSE_FORMAT "zegel-ceremony-response-1"
#define REQUEST_FORMAT "zegel-ceremony-request-1"

struct transcript {
    const char *dir;
    struct snapshot files; /* as they were when it was opened; what is checked and used is these */
    struct plan *plan;
    struct bytes plan_json; /* what is signed; borrowed of files */
    char plan_hash[CANON_HEX];
};

/* Reads all of the directory. plan.yaml and plan.json must say the same and keep the policy. */
int transcript_open(const char *dir, struct transcript *out, struct buf *why);
void transcript_close(struct transcript *t);

/* Custodians, then administrator, DNS operator, witness and transcript key; NULL when the plan knows no such name. */
const struct plan_person *transcript_person(const struct transcript *t, const char *name);
/* Signatures over `content` in files PREFIX-NAME.p7s. Every such file must be a good one by a person in the plan who may sign
 * that (the administrator never may; `all` false: custodians only). *custodians is how many custodians did; names → SHA-256 of
 * the file in `signers` (may be NULL). */
int transcript_signatures(const struct transcript *t, const char *prefix, struct bytes content, bool all, unsigned *custodians,
                          json_t *signers, struct buf *why);
/* Approvals of the plan, and enough of them. */
int transcript_approved(const struct transcript *t, json_t *signers, struct buf *why);
/* published-NAME.p7s: the DNS operator's word, over response.json, that what it says is published. Not there: *signed_there is
 * false and ZEGEL_OK. */
int transcript_published(const struct transcript *t, struct bytes response, bool *signed_there, struct buf *why);
/* Name → SHA-256 of every file that belongs under the manifest; a new reference. */
int transcript_files(const struct transcript *t, json_t **files, struct buf *why);
/* The manifest as it would be now: a new reference in *out. */
int transcript_manifest(const struct transcript *t, json_t **out, struct buf *why);
/* Does `dir` hold the transcript whose manifest hash this plan continues, with a lower serial? Its plan's hash into `hash`;
 * *response (may be NULL): its response.json, a new reference, NULL when it was abandoned without one. */
int transcript_continues(const struct transcript *t, const char *dir, char hash[CANON_HEX], json_t **response, struct buf *why);

#endif
