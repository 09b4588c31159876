#include "ceremony/verify_parts.h"

#include <openssl/pem.h>

#include "base/err.h"
#include "base/io.h"
#include "ceremony/exchange.h"
#include "ceremony/journal.h"
#include "ceremony/steps.h"
#include "ceremony/store.h"

int verify_no(struct buf *why, const char *text)
{
    buf_add_str(why, text);
    return ZEGEL_ERR_FORMAT;
}

const char *verify_text(const json_t *e, const char *name)
{
    const char *s = json_string_value(json_object_get(e, name));
    return s == NULL ? "" : s;
}

const json_t *verify_done(const struct verify *v, const char *step)
{
    return json_object_get(journal_find(v->entries, "done", step), "data");
}

/* ---- the files ---- */

static int check_manifest(struct verify *v, struct buf *why)
{
    json_t *have = NULL, *want = NULL;
    int err = snapshot_get(&v->t.files, MANIFEST_FILE, &v->manifest, why);
    if (err == ZEGEL_OK && (have = canon_parse(MANIFEST_FILE, v->manifest, why)) == NULL)
        err = ZEGEL_ERR_FORMAT;
    if (err == ZEGEL_OK)
        err = transcript_manifest(&v->t, &want, why);
    if (err == ZEGEL_OK && json_equal(have, want) != 1) {
        const char *name;
        json_t *hash;
        json_object_foreach(json_object_get(want, "files"), name,
                            hash) if (json_equal(hash, json_object_get(json_object_get(have, "files"), name)) != 1)
            buf_addf(why, "%s was changed or added after the manifest was signed; ", name);
        err = verify_no(why, "manifest.json does not describe these files");
    }
    buf_addf(v->report, "proved    nothing in the directory was changed, added or removed since the manifest: %zu files\n",
             json_object_size(json_object_get(want, "files")));
    json_decref(have);
    json_decref(want);
    return err;
}

static int check_signatures(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    json_t *by = json_object();
    unsigned custodians;
    int err = transcript_signatures(&v->t, "manifest", v->manifest, true, &custodians, by, why);
    if (err == ZEGEL_OK && (json_object_get(by, p->transcript.name) == NULL || json_object_get(by, p->witness.name) == NULL ||
                            custodians < p->threshold)) {
        buf_addf(why, "the manifest is signed by %u custodians of %u needed%s%s; the missing ones run zegel ceremony approve",
                 custodians, p->threshold, json_object_get(by, p->transcript.name) == NULL ? ", not by the transcript key" : "",
                 json_object_get(by, p->witness.name) == NULL ? ", not by the witness" : "");
        err = ZEGEL_ERR_REFUSED;
    }
    buf_addf(v->report, "proved    the manifest is signed by the transcript key, the witness and %u custodians (%u needed)\n",
             custodians, p->threshold);
    json_decref(by);
    if (err == ZEGEL_OK)
        err = transcript_approved(&v->t, v->signers, why);
    buf_addf(v->report, "proved    the plan was approved by %zu of %u custodians (%u needed), with a card each\n",
             json_object_size(v->signers), p->custodians_count, p->threshold);
    return err;
}

static int check_request(struct verify *v, struct buf *why)
{
    struct bytes text;
    json_t *want = NULL, *have = NULL;
    int err = snapshot_get(&v->t.files, REQUEST_FILE, &text, why);
    if (err == ZEGEL_OK && (have = canon_parse(REQUEST_FILE, text, why)) == NULL)
        err = ZEGEL_ERR_FORMAT;
    if (err == ZEGEL_OK)
        err = exchange_request(&v->t, &want, why);
    if (err == ZEGEL_OK && json_equal(have, want) != 1)
        err = verify_no(why, REQUEST_FILE ": is not made of this plan and these approvals");
    json_decref(have);
    json_decref(want);
    return err;
}

/* ---- who they are, what came before, when ---- */

static bool trusts(const char *pem, X509 *certificate)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    bool found = false;
    for (X509 *x; !found && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; X509_free(x))
        found = X509_cmp(x, certificate) == 0;
    BIO_free(bio);
    return found;
}

static int check_person(struct verify *v, const char *role, const struct plan_person *p, const char *pem, struct buf *why)
{
    unsigned char *der = NULL;
    char print[CANON_HEX];
    X509 *x = plan_certificate(p->certificate);
    int len = i2d_X509(x, &der);
    canon_hash(bytes_of(der, len > 0 ? (size_t)len : 0), print);
    bool ok = pem == NULL || trusts(pem, x);
    buf_addf(v->report, "%s %s %s has certificate %s\n", pem != NULL ? "proved   " : "unchecked", role, p->name, print);
    if (!ok)
        buf_addf(why, "%s: the certificate of %s %s is not among them", v->o->trust, role, p->name);
    OPENSSL_free(der);
    X509_free(x);
    return ok ? ZEGEL_OK : ZEGEL_ERR_REFUSED;
}

static int check_people(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    struct buf trusted = BUF_INIT;
    const char *pem = NULL;
    int err = v->o->trust == NULL ? ZEGEL_OK : io_read_file(v->o->trust, STORE_FILE_MAX, &trusted, why);
    if (v->o->trust != NULL)
        pem = buf_cstr(&trusted);
    for (unsigned i = 0; i < p->custodians_count && err == ZEGEL_OK; i++)
        err = check_person(v, "custodian", &p->custodians[i], pem, why);
    if (err == ZEGEL_OK)
        err = check_person(v, "DNS operator", &p->dns_operator, pem, why);
    if (err == ZEGEL_OK)
        err = check_person(v, "witness", &p->witness, pem, why);
    if (err == ZEGEL_OK)
        err = check_person(v, "transcript key", &p->transcript, pem, why);
    buf_free(&trusted);
    return err;
}

static int check_previous(struct verify *v, struct buf *why)
{
    char hash[CANON_HEX];
    bool first = strcmp(v->t.plan->previous, PLAN_NO_PREVIOUS) == 0;
    if (v->o->previous == NULL) {
        buf_addf(v->report, first ? "proved    the plan says it is the first ceremony with this token\n"
                                  : "unchecked it continues a transcript that was not given (--previous)\n");
        return ZEGEL_OK;
    }
    if (first)
        return verify_no(why, "the plan says that it is the first ceremony; there is no previous transcript");
    int err = transcript_continues(&v->t, v->o->previous, hash, NULL, why);
    buf_addf(v->report, "proved    it continues the transcript in %s\n", v->o->previous);
    return err;
}

/* What a transcript that holds did: its keys as in response.json, which was compared with the journal. */
static int tell(const struct verify *v, struct verify_result *out, struct buf *why)
{
    json_t *response = v->response.len == 0 ? json_object() : canon_parse(RESPONSE_FILE, v->response, why);
    *out = (struct verify_result){.abandoned = v->abandoned,
                                  .action = v->t.plan->action,
                                  .serial = v->t.plan->serial,
                                  .backup_tried = v->t.plan->action == PLAN_GENERATE &&
                                                  v->t.plan->backup.rule == PLAN_BACKUP_WRAP && !v->abandoned,
                                  .keys = json_incref(json_object_get(response, "keys"))};
    json_decref(response);
    return response == NULL ? ZEGEL_ERR_FORMAT : ZEGEL_OK;
}

int verify_transcript(const char *dir, const struct verify_options *o, struct verify_result *result, struct buf *report,
                      struct buf *why)
{
    struct verify v = {.o = o, .signers = json_object(), .report = report};
    int err = transcript_open(dir, &v.t, why);
    if (err == ZEGEL_OK) {
        buf_addf(report, "proved    the plan keeps the policy; %s, serial %u, SHA-256 %s\n", plan_action_name(v.t.plan->action),
                 v.t.plan->serial, v.t.plan_hash);
        int (*const checks[])(struct verify *, struct buf *) = {check_manifest, check_signatures, check_request, verify_journal,
                                                                verify_keys,    verify_published, verify_zone,   verify_audit,
                                                                check_people,   check_previous,   verify_stamp};
        for (size_t i = 0; i < sizeof checks / sizeof checks[0] && err == ZEGEL_OK; i++)
            err = checks[i](&v, why);
        buf_add_str(report, "attested  what was said and seen in the room: by the signatures of custodians and witness\n");
    }
    if (err == ZEGEL_ERR_FORMAT || err == ZEGEL_ERR_KEY_UNUSABLE)
        buf_add_str(why, "; rely on nothing here: compare with the copies that the others took home");
    if (err == ZEGEL_OK && result != NULL)
        err = tell(&v, result, why);
    transcript_close(&v.t);
    json_decref(v.signers);
    json_decref(v.entries);
    return err;
}
