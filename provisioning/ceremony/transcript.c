#include "ceremony/transcript.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "ceremony/cms.h"
#include "ceremony/exchange.h"
#include "ceremony/journal.h"

int transcript_open(const char *dir, struct transcript *out, struct buf *why)
{
    struct buf compiled = BUF_INIT;
    struct bytes yaml;
    *out = (struct transcript){.dir = dir};
    int err = snapshot_take(dir, &out->files, why);
    if (err == ZEGEL_OK)
        err = snapshot_get(&out->files, "plan.yaml", &yaml, why);
    if (err == ZEGEL_OK)
        err = snapshot_get(&out->files, "plan.json", &out->plan_json, why);
    if (err == ZEGEL_OK)
        err = plan_parse("plan.yaml", yaml, &out->plan, why);
    if (err == ZEGEL_OK)
        err = plan_compile(out->plan, &compiled);
    if (err == ZEGEL_OK && !bytes_eq(buf_bytes(&compiled), out->plan_json)) {
        buf_addf(why,
                 "%s: plan.json is not what plan.yaml compiles to: one of them was changed; put back the ones that were approved",
                 dir);
        err = ZEGEL_ERR_FORMAT;
    }
    if (err == ZEGEL_OK)
        err = plan_lint(out->plan, why);
    canon_hash(out->plan_json, out->plan_hash);
    buf_free(&compiled);
    if (err != ZEGEL_OK)
        transcript_close(out);
    return err;
}

void transcript_close(struct transcript *t)
{
    plan_free(t->plan);
    t->plan = NULL;
    snapshot_free(&t->files);
}

const struct plan_person *transcript_person(const struct transcript *t, const char *name)
{
    const struct plan_person *others[] = {&t->plan->administrator, &t->plan->dns_operator, &t->plan->witness,
                                          &t->plan->transcript};
    const struct plan_person *p = plan_custodian(t->plan, name);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && p == NULL; i++)
        if (strcmp(others[i]->name, name) == 0)
            p = others[i];
    return p;
}

/* ---- signatures ---- */

/* "PREFIX-NAME.p7s" → NAME */
static bool signer_of(const char *file, const char *prefix, char name[64])
{
    size_t from = strlen(prefix) + 1, len = strlen(file);
    if (strncmp(file, prefix, from - 1) != 0 || file[from - 1] != '-' || len < from + 5 || strcmp(file + len - 4, ".p7s") != 0 ||
        len - 4 - from >= 64)
        return false;
    memcpy(name, file + from, len - 4 - from);
    name[len - 4 - from] = '\0';
    return true;
}

static int check_signature(const struct transcript *t, const char *file, const struct plan_person *p, struct bytes content,
                           char hash[CANON_HEX], struct buf *why)
{
    struct bytes der = {0};
    int64_t signed_s = -1;
    X509 *x = plan_certificate(p->certificate);
    int err = x == NULL ? ZEGEL_ERR_FORMAT : snapshot_get(&t->files, file, &der, why);
    if (err == ZEGEL_OK)
        err = cms_verify(file, content, der, x, &signed_s, why);
    if (err == ZEGEL_OK && (signed_s < plan_time(t->plan->not_before) || signed_s > plan_time(t->plan->not_after))) {
        buf_addf(why, "%s: was signed outside the plan's window", file);
        err = ZEGEL_ERR_REFUSED;
    }
    canon_hash(der, hash);
    X509_free(x);
    return err;
}

int transcript_signatures(const struct transcript *t, const char *prefix, struct bytes content, bool all, unsigned *custodians,
                          json_t *signers, struct buf *why)
{
    int err = ZEGEL_OK;
    char name[64], hash[CANON_HEX];
    *custodians = 0;
    for (size_t i = 0; err == ZEGEL_OK && i < t->files.count; i++) {
        const char *file = t->files.files[i].name;
        if (!signer_of(file, prefix, name))
            continue;
        const struct plan_person *p = transcript_person(t, name);
        if (p == NULL || p == &t->plan->administrator || p == &t->plan->dns_operator ||
            (!all && plan_custodian(t->plan, name) == NULL)) {
            buf_addf(why, "%s: %s; only a custodian%s of this plan can sign here; remove it", file,
                     p == &t->plan->administrator  ? "the administrator never approves"
                     : p == NULL                   ? "is by nobody in this plan"
                     : p == &t->plan->dns_operator ? "the DNS operator signs published-NAME.p7s only"
                                                   : "is not by a custodian",
                     all ? ", the witness or the transcript key" : "");
            err = ZEGEL_ERR_REFUSED;
        } else if ((err = check_signature(t, file, p, content, hash, why)) == ZEGEL_OK) {
            *custodians += plan_custodian(t->plan, name) != NULL;
            if (signers != NULL)
                (void)json_object_set_new(signers, name, json_string(hash));
        }
    }
    return err;
}

int transcript_published(const struct transcript *t, struct bytes response, bool *signed_there, struct buf *why)
{
    const struct plan_person *p = &t->plan->dns_operator;
    char file[96], hash[CANON_HEX];
    (void)snprintf(file, sizeof file, "published-%s.p7s", p->name);
    *signed_there = snapshot_find(&t->files, file) != NULL;
    return *signed_there ? check_signature(t, file, p, response, hash, why) : ZEGEL_OK;
}

int transcript_approved(const struct transcript *t, json_t *signers, struct buf *why)
{
    unsigned custodians;
    int err = transcript_signatures(t, "approval", t->plan_json, false, &custodians, signers, why);
    if (err == ZEGEL_OK && custodians < t->plan->threshold) {
        buf_addf(why, "%s: %u of the %u approvals that the plan needs; let another custodian run zegel ceremony approve", t->dir,
                 custodians, t->plan->threshold);
        err = ZEGEL_ERR_REFUSED;
    }
    return err;
}

/* ---- the manifest ---- */

/* What is made after the manifest: exactly these, or anything could be added under a name that looks like them. */
static bool is_outside_manifest(const struct transcript *t, const char *name)
{
    char published[96], who[64];
    (void)snprintf(published, sizeof published, "published-%s.p7s", t->plan->dns_operator.name);
    return strcmp(name, MANIFEST_FILE) == 0 || strcmp(name, "." MANIFEST_FILE ".tmp") == 0 || strcmp(name, "manifest.tsr") == 0 ||
           strcmp(name, published) == 0 || signer_of(name, "manifest", who);
}

int transcript_files(const struct transcript *t, json_t **files, struct buf *why)
{
    char hash[CANON_HEX];
    int err = ZEGEL_OK;
    *files = json_object();
    for (size_t i = 0; err == ZEGEL_OK && i < t->files.count; i++) {
        const struct snapshot_file *f = &t->files.files[i];
        if (is_outside_manifest(t, f->name))
            continue;
        canon_hash(buf_bytes(&f->content), hash);
        if (json_object_set_new(*files, f->name, json_string(hash)) != 0) {
            buf_add_str(why, "memory is short");
            err = ZEGEL_ERR_NOMEM;
        }
    }
    return err;
}

int transcript_manifest(const struct transcript *t, json_t **out, struct buf *why)
{
    struct bytes text;
    json_t *entries = NULL, *files = NULL;
    char head[CANON_HEX];
    size_t whole = 0;
    *out = NULL;
    int err = snapshot_get(&t->files, JOURNAL_FILE, &text, why);
    if (err == ZEGEL_OK)
        err = journal_parse(text, t->plan_hash, &entries, head, &whole, why);
    if (err == ZEGEL_OK && (whole < text.len || journal_find(entries, "close", NULL) == NULL)) {
        buf_addf(why, "%s: the ceremony has not ended; run zegel ceremony run %s", t->dir, t->dir);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        err = transcript_files(t, &files, why);
    if (err == ZEGEL_OK)
        *out = json_pack("{s:s, s:I, s:s, s:s, s:s, s:O}", "format", MANIFEST_FORMAT, "serial", (json_int_t)t->plan->serial,
                         "plan_sha256", t->plan_hash, "journal_head", head, "previous", t->plan->previous, "files", files);
    json_decref(files);
    json_decref(entries);
    return err;
}

/* response.json of a transcript with this manifest: the one that the manifest knows. */
static int earlier_response(const struct snapshot *s, const json_t *manifest, json_t **response, struct buf *why)
{
    const struct buf *text = snapshot_find(s, RESPONSE_FILE);
    const char *want = json_string_value(json_object_get(json_object_get(manifest, "files"), RESPONSE_FILE));
    char have[CANON_HEX] = "";
    if (text != NULL)
        canon_hash(buf_bytes(text), have);
    if (strcmp(have, want == NULL ? "" : want) != 0) {
        buf_addf(why, "%s/" RESPONSE_FILE ": is not the one in its manifest", s->dir);
        return ZEGEL_ERR_REFUSED;
    }
    *response = text == NULL ? NULL : canon_parse(RESPONSE_FILE, buf_bytes(text), why);
    return text != NULL && *response == NULL ? ZEGEL_ERR_FORMAT : ZEGEL_OK;
}

int transcript_continues(const struct transcript *t, const char *dir, char hash[CANON_HEX], json_t **response, struct buf *why)
{
    struct snapshot s = {0};
    struct bytes manifest = {0}, plan = {0};
    char have[CANON_HEX] = "";
    json_t *j = NULL;
    int err = snapshot_take(dir, &s, why);
    if (err == ZEGEL_OK)
        err = snapshot_get(&s, MANIFEST_FILE, &manifest, why);
    if (err == ZEGEL_OK)
        err = snapshot_get(&s, "plan.json", &plan, why);
    if (err == ZEGEL_OK && (j = canon_parse(MANIFEST_FILE, manifest, why)) == NULL)
        err = ZEGEL_ERR_FORMAT;
    canon_hash(manifest, have);
    canon_hash(plan, hash);
    const char *of = json_string_value(json_object_get(j, "plan_sha256"));
    if (err == ZEGEL_OK && (strcmp(have, t->plan->previous) != 0 || of == NULL || strcmp(of, hash) != 0 ||
                            json_integer_value(json_object_get(j, "serial")) >= (json_int_t)t->plan->serial)) {
        buf_addf(why, "%s: is not the transcript that this plan continues (previous: %.16s...)", dir, t->plan->previous);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && response != NULL)
        err = earlier_response(&s, j, response, why);
    json_decref(j);
    snapshot_free(&s);
    return err;
}
