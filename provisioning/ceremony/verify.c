#include "ceremony/verify.h"

#include <openssl/pem.h>
#include <openssl/ts.h>
#include <stdio.h>

#include "base/err.h"
#include "base/io.h"
#include "ceremony/evidence.h"
#include "ceremony/exchange.h"
#include "ceremony/journal.h"
#include "ceremony/store.h"

struct verify {
    struct transcript t;
    const struct verify_options *o;
    json_t *signers, *entries;
    struct buf manifest;
    struct buf *report;
};

static int no(struct buf *why, const char *text)
{
    buf_add_str(why, text);
    return ZEGEL_ERR_FORMAT;
}

static const char *text_of(const json_t *e, const char *name)
{
    const char *s = json_string_value(json_object_get(e, name));
    return s == NULL ? "" : s;
}

static const json_t *done_data(const struct verify *v, const char *step)
{
    return json_object_get(journal_find(v->entries, "done", step), "data");
}

/* ---- the files ---- */

static int check_manifest(struct verify *v, struct buf *why)
{
    json_t *have = NULL, *want = NULL;
    int err = store_read(v->t.dir, MANIFEST_FILE, &v->manifest, why);
    if (err == ZEGEL_OK && (have = canon_parse(MANIFEST_FILE, buf_bytes(&v->manifest), why)) == NULL)
        err = ZEGEL_ERR_FORMAT;
    if (err == ZEGEL_OK)
        err = transcript_manifest(&v->t, &want, why);
    if (err == ZEGEL_OK && json_equal(have, want) != 1) {
        const char *name;
        json_t *hash;
        json_object_foreach(json_object_get(want, "files"), name,
                            hash) if (json_equal(hash, json_object_get(json_object_get(have, "files"), name)) != 1)
            buf_addf(why, "%s was changed or added after the manifest was signed; ", name);
        err = no(why, "manifest.json does not describe these files");
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
    int err = transcript_signatures(&v->t, "manifest", buf_bytes(&v->manifest), true, &custodians, by, why);
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
    struct buf text = BUF_INIT;
    json_t *want = NULL, *have = NULL;
    int err = store_read(v->t.dir, REQUEST_FILE, &text, why);
    if (err == ZEGEL_OK && (have = canon_parse(REQUEST_FILE, buf_bytes(&text), why)) == NULL)
        err = ZEGEL_ERR_FORMAT;
    if (err == ZEGEL_OK)
        err = exchange_request(&v->t, &want, why);
    if (err == ZEGEL_OK && json_equal(have, want) != 1)
        err = no(why, REQUEST_FILE ": is not made of this plan and these approvals");
    json_decref(have);
    json_decref(want);
    buf_free(&text);
    return err;
}

/* ---- the journal ---- */

static int check_open(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    const json_t *data = json_object_get(journal_find(v->entries, "open", NULL), "data");
    unsigned opens = 0;
    for (size_t i = 0; i < json_array_size(v->entries); i++) {
        const json_t *e = json_array_get(v->entries, i);
        int64_t s = plan_time(text_of(e, "time"));
        opens += strcmp(text_of(e, "event"), "open") == 0;
        if (s < plan_time(p->not_before) || s > plan_time(p->not_after))
            return no(why, "the journal has an entry from outside the plan's window");
        if (opens == 0 && strcmp(text_of(e, "event"), "exception") != 0)
            return no(why, "the journal has a step before the ceremony was opened");
    }
    if (opens != 1 || json_object_size(data) != 6)
        return no(why, "the journal does not open the ceremony once");
    if (!json_is_false(json_object_get(data, "rehearsal")))
        return no(why, "this was a rehearsal, with a throw-away token");
    if (strcmp(text_of(data, "tool_sha256"), p->tool_sha256) != 0 ||
        strcmp(text_of(data, "module_sha256"), p->token.module_sha256) != 0 ||
        strcmp(text_of(data, "token_serial"), p->token.serial) != 0)
        return no(why, "the ceremony was run with another program, module or token than planned");
    if (json_equal(json_object_get(data, "approvals"), v->signers) != 1)
        return no(why, "the approvals here are not those that the ceremony was begun with");
    return ZEGEL_OK;
}

/* The steps the plan asks for, each intent then done, in this order and no others. */
static int check_order(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    struct buf want = BUF_INIT, label = BUF_INIT;
    size_t at = 0, steps = 5 + (size_t)p->keys_count;
    int err = ZEGEL_OK;
    for (size_t i = 0; i < 2 * steps && err == ZEGEL_OK; i++) {
        size_t n = i / 2;
        const json_t *e;
        static const char *const first[] = {"confirm", "use plan", "inventory before"}, *const last[] = {"inventory after",
                                                                                                         "response"};
        buf_clear(&want);
        if (n < 3) {
            buf_add_str(&want, first[n]);
        } else if (n < 3 + (size_t)p->keys_count) {
            plan_label(&p->keys[n - 3], &label);
            buf_addf(&want, "key %s", buf_cstr(&label));
        } else {
            buf_add_str(&want, last[n - 3 - p->keys_count]);
        }
        do
            e = json_array_get(v->entries, at++);
        while (e != NULL && strcmp(text_of(e, "event"), "intent") != 0 && strcmp(text_of(e, "event"), "done") != 0);
        if (strcmp(text_of(e, "event"), i % 2 == 0 ? "intent" : "done") != 0 ||
            strcmp(text_of(e, "step"), buf_cstr(&want)) != 0) {
            buf_addf(why, "the journal does not have step '%s' where the plan has it", buf_cstr(&want));
            err = ZEGEL_ERR_FORMAT;
        }
    }
    for (; err == ZEGEL_OK && at < json_array_size(v->entries); at++) {
        const char *event = text_of(json_array_get(v->entries, at), "event");
        if (strcmp(event, "intent") == 0 || strcmp(event, "done") == 0)
            err = no(why, "the journal has a step that the plan does not have");
    }
    buf_addf(v->report, "proved    the journal is whole: %zu entries, %zu steps in the planned order\n",
             json_array_size(v->entries), steps);
    buf_free(&want);
    buf_free(&label);
    return err;
}

static int check_journal(struct verify *v, struct buf *why)
{
    struct buf text = BUF_INIT;
    char head[CANON_HEX];
    size_t whole;
    int err = store_read(v->t.dir, JOURNAL_FILE, &text, why);
    if (err == ZEGEL_OK)
        err = journal_parse(buf_bytes(&text), v->t.plan_hash, &v->entries, head, &whole, why);
    if (err == ZEGEL_OK)
        err = check_open(v, why);
    if (err == ZEGEL_OK)
        err = check_order(v, why);
    if (err == ZEGEL_OK && strcmp(text_of(done_data(v, "confirm"), "plan_sha256"), v->t.plan_hash) != 0)
        err = no(why, "another plan was confirmed");
    for (size_t i = 0; i < json_array_size(v->entries); i++) {
        const json_t *e = json_array_get(v->entries, i), *d = json_object_get(e, "data");
        if (strcmp(text_of(e, "event"), "exception") == 0)
            buf_addf(v->report, "attested  %s at %s: %s; decided: %s; agreed: %s\n", text_of(e, "step"), text_of(e, "time"),
                     text_of(d, "text"), text_of(d, "decision"), text_of(d, "agreed"));
    }
    buf_free(&text);
    return err;
}

/* ---- the keys ---- */

static bool same_item(const json_t *a, const json_t *b)
{
    return strcmp(text_of(a, "label"), text_of(b, "label")) == 0 && strcmp(text_of(a, "id"), text_of(b, "id")) == 0 &&
           strcmp(text_of(a, "spki_sha256"), text_of(b, "spki_sha256")) == 0;
}

static size_t count_in(const json_t *items, const json_t *item)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(items); i++)
        n += same_item(json_array_get(items, i), item);
    return n;
}

/* `more` = `less` and the planned keys, nothing else. */
static bool differ_by(const json_t *less, const json_t *more, const json_t *keys)
{
    bool ok = json_array_size(less) + json_array_size(keys) == json_array_size(more);
    for (size_t i = 0; i < json_array_size(less); i++)
        ok = ok && count_in(more, json_array_get(less, i)) == 1;
    for (size_t i = 0; i < json_array_size(keys); i++)
        ok = ok && count_in(more, json_array_get(keys, i)) == 1 && count_in(less, json_array_get(keys, i)) == 0;
    return ok;
}

static int check_destroyed(const struct plan_key *k, const json_t *e, struct buf *why)
{
    struct buf label = BUF_INIT;
    plan_label(k, &label);
    bool ok = json_object_size(e) == 4 && strcmp(text_of(e, "label"), buf_cstr(&label)) == 0 &&
              strcmp(text_of(e, "spki_sha256"), k->spki_sha256) == 0 && json_is_true(json_object_get(e, "absent"));
    if (!ok)
        buf_addf(why, "key %s: its destruction is not shown", buf_cstr(&label));
    buf_free(&label);
    return ok ? ZEGEL_OK : ZEGEL_ERR_FORMAT;
}

static void report_key(struct verify *v, const json_t *e)
{
    const char *label = text_of(e, "label");
    if (v->t.plan->action == PLAN_DESTROY) {
        buf_addf(v->report,
                 "claimed   %s (%.16s...) is no longer on the token: its look-up fails and both inventories differ by it\n",
                 label, text_of(e, "spki_sha256"));
        return;
    }
    buf_addf(v->report, "proved    %s: whoever ran this held its private key; SHA-256 %s\n", label, text_of(e, "spki_sha256"));
    buf_addf(v->report, "claimed   %s: made on the token, sensitive, never extractable, can only sign (the module says so)\n",
             label);
}

static int check_keys(struct verify *v, struct buf *why)
{
    const struct plan *p = v->t.plan;
    const json_t *before = json_object_get(done_data(v, "inventory before"), "keys"),
                 *after = json_object_get(done_data(v, "inventory after"), "keys");
    struct buf step = BUF_INIT, label = BUF_INIT;
    json_t *keys = json_array();
    int err = ZEGEL_OK;
    for (unsigned i = 0; i < p->keys_count && err == ZEGEL_OK; i++) {
        plan_label(&p->keys[i], &label);
        buf_clear(&step);
        buf_addf(&step, "key %s", buf_cstr(&label));
        const json_t *e = done_data(v, buf_cstr(&step));
        err = p->action == PLAN_DESTROY ? check_destroyed(&p->keys[i], e, why)
                                        : evidence_check(p, v->t.plan_hash, &p->keys[i], e, why);
        for (size_t n = 0; err == ZEGEL_OK && n < json_array_size(keys); n++)
            if (strcmp(text_of(json_array_get(keys, n), "spki_sha256"), text_of(e, "spki_sha256")) == 0)
                err = no(why, "two keys of the ceremony are the same key");
        (void)json_array_append(keys, (json_t *)(uintptr_t)e);
        report_key(v, e);
    }
    if (err == ZEGEL_OK && !(p->action == PLAN_DESTROY ? differ_by(after, before, keys) : differ_by(before, after, keys)))
        err = no(why, "the inventories before and after do not differ by exactly the planned keys");
    json_t *want = json_pack("{s:s, s:s, s:s, s:O}", "format", RESPONSE_FORMAT, "action", plan_action_name(p->action),
                             "plan_sha256", v->t.plan_hash, "keys", keys);
    struct buf text = BUF_INIT, have = BUF_INIT;
    if (err == ZEGEL_OK)
        err = store_read(v->t.dir, RESPONSE_FILE, &have, why);
    if (err == ZEGEL_OK && (!canon_json(want, &text) || !bytes_eq(buf_bytes(&text), buf_bytes(&have))))
        err = no(why, RESPONSE_FILE ": is not what the journal says was done");
    json_decref(want);
    json_decref(keys);
    buf_free(&text);
    buf_free(&have);
    buf_free(&step);
    buf_free(&label);
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
        return no(why, "the plan says that it is the first ceremony; there is no previous transcript");
    int err = transcript_continues(&v->t, v->o->previous, hash, why);
    buf_addf(v->report, "proved    it continues the transcript in %s\n", v->o->previous);
    return err;
}

static X509_STORE *tsa_store(const char *path, STACK_OF(X509) * certificates)
{
    FILE *f = fopen(path, "re");
    X509 *x = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
    X509_STORE *store = x == NULL ? NULL : X509_STORE_new();
    if (store != NULL) {
        (void)X509_STORE_add_cert(store, x);
        (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        (void)sk_X509_push(certificates, x);
    }
    if (f != NULL)
        (void)fclose(f);
    return store;
}

/* RFC 3161, over manifest.json. */
static int check_stamp(struct verify *v, struct buf *why)
{
    struct buf reply = BUF_INIT;
    unsigned char *again = NULL;
    char time[21];
    struct tm tm = {0};
    if (!store_has(v->t.dir, "manifest.tsr") || v->o->tsa == NULL) {
        buf_addf(v->report, "unchecked when: %s\n",
                 v->o->tsa == NULL ? "the clock was the ceremony's own; no --tsa" : "there is no manifest.tsr");
        return v->o->tsa == NULL ? ZEGEL_OK : no(why, "manifest.tsr is missing, and --tsa was given");
    }
    int err = store_read(v->t.dir, "manifest.tsr", &reply, why);
    const unsigned char *p = reply.data;
    TS_RESP *response = err == ZEGEL_OK && reply.len > 0 ? d2i_TS_RESP(NULL, &p, (long)reply.len) : NULL;
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    STACK_OF(X509) *certificates = sk_X509_new_null();
    X509_STORE *store = tsa_store(v->o->tsa, certificates);
    bool ok = response != NULL && ctx != NULL && store != NULL;
    if (ok) {
        (void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
        (void)TS_VERIFY_CTX_set_data(ctx, BIO_new_mem_buf(v->manifest.data, (int)v->manifest.len));
        (void)TS_VERIFY_CTX_set_store(ctx, store); /* ctx owns these now */
        (void)TS_VERIFY_CTX_set_certs(ctx, certificates);
        int len = i2d_TS_RESP(response, &again);
        ok = len > 0 && bytes_eq(bytes_of(again, (size_t)len), buf_bytes(&reply)) &&
             TS_RESP_verify_response(ctx, response) == 1 &&
             ASN1_TIME_to_tm(TS_TST_INFO_get_time(TS_RESP_get_tst_info(response)), &tm) == 1;
        plan_time_text(timegm(&tm), time);
    }
    if (ok)
        buf_addf(v->report, "proved    the manifest existed at %s, says the time-stamping authority\n", time);
    else if (err == ZEGEL_OK)
        err = no(why, "manifest.tsr: is no good time stamp over manifest.json by that authority");
    OPENSSL_free(again);
    TS_VERIFY_CTX_free(ctx);
    TS_RESP_free(response);
    buf_free(&reply);
    return err;
}

int verify_transcript(const char *dir, const struct verify_options *o, struct buf *report, struct buf *why)
{
    struct verify v = {.o = o, .signers = json_object(), .report = report};
    int err = transcript_open(dir, &v.t, why);
    if (err == ZEGEL_OK) {
        buf_addf(report, "proved    the plan keeps the policy; %s, serial %u, SHA-256 %s\n", plan_action_name(v.t.plan->action),
                 v.t.plan->serial, v.t.plan_hash);
        int (*const checks[])(struct verify *, struct buf *) = {check_manifest, check_signatures, check_request,  check_journal,
                                                                check_keys,     check_people,     check_previous, check_stamp};
        for (size_t i = 0; i < sizeof checks / sizeof checks[0] && err == ZEGEL_OK; i++)
            err = checks[i](&v, why);
        buf_add_str(report, "attested  what was said and seen in the room: by the signatures of custodians and witness\n");
    }
    transcript_close(&v.t);
    json_decref(v.signers);
    json_decref(v.entries);
    buf_free(&v.manifest);
    return err;
}
