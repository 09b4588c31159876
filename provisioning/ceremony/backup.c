#include "ceremony/backup.h"

#include "base/err.h"
#include "ceremony/dkek.h"
#include "ceremony/store.h"
#include "dkim/base64.h"
#include "dkim/digest.h"
#include "pkcs11/wrap.h"

#define WRAP_FORMAT "zegel-ceremony-backup-1"
#define DKEK_FORMAT "zegel-ceremony-backup-dkek-1"

/* What belongs to one key's backup. */
struct job {
    const struct backup *b;
    const struct plan_key *k;
    struct key original;
    uint8_t pair_id[KEY_ID_LEN];
    struct buf label, pair_label, file;
    bool closed;                   /* wrap: the original can no longer leave: its copy was good before we were cut off */
    char check[2][DKEK_CHECK_HEX]; /* dkek: what each card says */
};

static struct bytes id_of(const struct job *j)
{
    return bytes_of(j->original.id, j->original.id_len);
}

static struct bytes pair_of(const struct job *j)
{
    return bytes_of(j->pair_id, KEY_ID_LEN);
}

static void job_free(struct job *j)
{
    buf_free(&j->label);
    buf_free(&j->pair_label);
    buf_free(&j->file);
}

static int remove_all(const struct job *j, struct bytes id, struct buf *why)
{
    CK_ULONG count;
    return act_objects(j->b->act.second, id, buf_cstr((struct buf *)(uintptr_t)&j->label), true, &count, why);
}

/* Cut off while it took CKA_EXTRACTABLE from the original, SoftHSM has no private half any more: it writes the object anew in
 * place. The copy cannot go back, and the journal holds the key that it was: people have to end this. */
static int original_torn(const struct job *j, struct bytes id, struct buf *why)
{
    const struct act *a = &j->b->act;
    const char *label = buf_cstr((struct buf *)(uintptr_t)&j->label);
    CK_ULONG left = 0, copies = 0, pairs = 0;
    buf_clear(why);
    int err = act_objects(a->token, id, label, false, &left, why);
    if (err == ZEGEL_OK)
        err = act_objects(a->second, id, label, false, &copies, why);
    if (err == ZEGEL_OK)
        err = act_objects(a->second, pair_of(j), label, false, &pairs, why);
    if (err != ZEGEL_OK)
        return err;
    buf_addf(
        why,
        "%s: the token lost the private half (SoftHSM does, cut off while it takes CKA_EXTRACTABLE from it), and no backup goes "
        "back into it; run zegel ceremony abandon, destroy by hand what is left of that name (%lu on the token, %lu on the "
        "backup token), then plan it anew",
        label, left, copies + pairs);
    return ZEGEL_ERR_KEY_UNUSABLE;
}

/* The original, found as the key's step left it, and whether it was closed before. */
static int job_begin(struct job *j, const struct backup *b, const struct plan_key *k, struct buf *why)
{
    uint8_t id[KEY_ID_LEN], hash[DKIM_HASH_LEN];
    struct key_attributes a;
    struct buf text = BUF_INIT;
    *j = (struct job){.b = b, .k = k};
    plan_label(k, &j->label);
    buf_addf(&j->pair_label, "backup of %s", buf_cstr(&j->label));
    backup_file(k, &j->file);
    buf_addf(&text, "%s/backup/%s", b->act.plan_hash, buf_cstr(&j->label));
    int err = digest_sha256(buf_bytes(&text), hash) ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
    memcpy(j->pair_id, hash, KEY_ID_LEN);
    evidence_id(b->act.plan_hash, k, id);
    if (err == ZEGEL_OK)
        err = act_find(b->act.token, bytes_of(id, sizeof id), &j->original, why);
    if (err == ZEGEL_ERR_KEY_GONE && b->act.resuming)
        err = original_torn(j, bytes_of(id, sizeof id), why);
    if (err == ZEGEL_OK)
        err = key_attributes(b->act.token, &j->original, &a, why);
    j->closed = err == ZEGEL_OK && a.extractable == 0;
    buf_free(&text);
    return err;
}

/* ---- the encrypted key as a file ---- */

static json_t *encode(struct bytes data)
{
    char room[BASE64_LEN(WRAP_KEY_MAX) + 1];
    struct out out = out_of(room, sizeof room);
    base64_encode(data, &out);
    return json_stringn(room, out.len);
}

static size_t decode(const json_t *e, const char *name, uint8_t *room, size_t cap)
{
    struct out out = out_of(room, cap);
    const char *text = json_string_value(json_object_get(e, name));
    return text != NULL && base64_decode(bytes_str(text), &out) ? out.len : 0;
}

static int write_file(struct job *j, const struct wrapped *w, struct buf *why)
{
    bool dkek = j->b->act.plan->backup.rule == PLAN_BACKUP_DKEK; /* a SmartCard-HSM has no transport key: it is the DKEK */
    json_t *e = json_pack("{s:s, s:s, s:s, s:o, s:o}", "format", dkek ? DKEK_FORMAT : WRAP_FORMAT, "label", buf_cstr(&j->label),
                          "token_serial", j->b->act.plan->backup.token->serial, "transport",
                          encode(bytes_of(w->transport, w->transport_len)), "key", encode(bytes_of(w->key, w->key_len)));
    int err = e == NULL ? ZEGEL_ERR_NOMEM : store_write_json(j->b->dir, buf_cstr(&j->file), e, why);
    json_decref(e);
    return err;
}

static int read_file(struct job *j, struct wrapped *w, struct buf *why)
{
    struct buf text = BUF_INIT;
    int err = store_read(j->b->dir, buf_cstr(&j->file), &text, why);
    json_t *e = err == ZEGEL_OK ? canon_parse(buf_cstr(&j->file), buf_bytes(&text), why) : NULL;
    w->transport_len = decode(e, "transport", w->transport, sizeof w->transport);
    w->key_len = decode(e, "key", w->key, sizeof w->key);
    if (err == ZEGEL_OK && ((w->transport_len == 0) == (j->b->act.plan->backup.rule == PLAN_BACKUP_WRAP) || w->key_len == 0)) {
        buf_addf(why, "%s: holds no encrypted key; remove it, then run again", buf_cstr(&j->file));
        err = ZEGEL_ERR_FORMAT;
    }
    json_decref(e);
    buf_free(&text);
    return err;
}

/* ---- over to the second token ---- */

static int wrap_over(struct job *j, struct buf *why)
{
    const struct backup *b = j->b;
    bool keep = b->act.plan->backup.restored == PLAN_RESTORED_KEEP;
    struct wrapped w = {.key_len = 0};
    if (store_has(b->dir, buf_cstr(&j->file))) {
        int err = read_file(j, &w, why);
        return err == ZEGEL_OK ? wrap_import(b->act.second, j->pair_id, &w, &j->original, why) : err;
    }
    int err = remove_all(j, pair_of(j), why);
    if (err == ZEGEL_OK)
        err = wrap_make_pair(b->act.second, buf_cstr(&j->pair_label), j->pair_id, why);
    if (err == ZEGEL_OK)
        err = wrap_export(b->act.token, &j->original, b->act.second, j->pair_id, &w, why);
    if (err == ZEGEL_OK && !keep)
        err = write_file(j, &w, why);
    if (err == ZEGEL_OK)
        err = wrap_import(b->act.second, j->pair_id, &w, &j->original, why);
    return err;
}

/* Both say the plan's check value; `check`: what each says. */
static int same_dkek(const struct act *a, char check[2][DKEK_CHECK_HEX], struct buf *why)
{
    struct token *const cards[] = {a->token, a->second};
    int err = ZEGEL_OK;
    for (size_t i = 0; i < 2 && err == ZEGEL_OK; i++) {
        err = dkek_check(cards[i], check[i], why);
        if (err == ZEGEL_OK && strcmp(check[i], a->plan->backup.dkek) != 0) {
            buf_addf(why,
                     "token %s: its DKEK has the check value %s, not the plan's %s; were all the shares imported, and no other?",
                     cards[i]->cfg.name, check[i], a->plan->backup.dkek);
            err = ZEGEL_ERR_REFUSED;
        }
    }
    return err == ZEGEL_OK ? token_restart(cards[0], cards[1], why) : err;
}

int backup_possible(const struct backup *b, struct buf *why)
{
    char check[2][DKEK_CHECK_HEX];
    return b->act.plan->backup.rule == PLAN_BACKUP_DKEK ? same_dkek(&b->act, check, why) : ZEGEL_OK;
}

/* The file is written before the second card has the key, so that what is cut off between is taken up. */
static int dkek_over(struct job *j, struct buf *why)
{
    const struct backup *b = j->b;
    struct wrapped w = {.key_len = 0};
    int reference = -1;
    int err = dkek_reference(b->act.token, &j->original, &reference, why);
    if (err == ZEGEL_OK && store_has(b->dir, buf_cstr(&j->file)))
        err = read_file(j, &w, why);
    else if (err == ZEGEL_OK && (err = dkek_wrap(b->act.token, reference, &w, why)) == ZEGEL_OK)
        err = write_file(j, &w, why);
    if (err == ZEGEL_OK)
        err = dkek_unwrap(b->act.second, reference, &w, why);
    return err == ZEGEL_OK ? token_restart(b->act.token, b->act.second, why) : err;
}

static int over(struct job *j, struct buf *why)
{
    const struct backup *b = j->b;
    const bool dkek = b->act.plan->backup.rule == PLAN_BACKUP_DKEK;
    CK_ULONG there = 0, named = 0;
    int err = dkek ? same_dkek(&b->act, j->check, why) : ZEGEL_OK;
    if (err == ZEGEL_OK)
        err = act_objects(b->act.second, id_of(j), buf_cstr(&j->label), false, &there, why);
    if (err == ZEGEL_OK)
        err = act_objects(b->act.second, bytes_of(NULL, 0), buf_cstr(&j->label), false, &named, why);
    if (err == ZEGEL_OK && (named > there || (there > 0 && !b->act.resuming))) {
        buf_addf(why, "%s: is on the backup token %s already; use an other one", buf_cstr(&j->label),
                 b->act.plan->backup.token->label);
        return ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && j->closed && there == 2)
        return ZEGEL_OK; /* it was good when the original was closed; it is tried again all the same */
    if (err == ZEGEL_OK && there > 0)
        err = remove_all(j, id_of(j), why);
    if (err != ZEGEL_OK)
        return err;
    return dkek ? dkek_over(j, why) : wrap_over(j, why);
}

/* ---- the test ---- */

static int try_copy(struct job *j, json_t **proof, json_t **attributes, struct buf *why)
{
    const struct backup *b = j->b;
    char print[CANON_HEX];
    struct bytes spki = bytes_of(j->original.spki, j->original.spki_len);
    struct buf challenge = BUF_INIT;
    struct key copy;
    canon_hash(spki, print);
    evidence_restore_challenge(b->act.plan, b->act.plan_hash, j->k, print, &challenge);
    int err = act_find(b->act.second, id_of(j), &copy, why);
    if (err == ZEGEL_OK)
        err = evidence_attributes(b->act.second, &copy, attributes, why);
    if (err == ZEGEL_OK)
        err = evidence_prove(b->act.second, &copy, buf_bytes(&challenge), proof, why);
    if (err == ZEGEL_OK && !evidence_proof_fits(buf_bytes(&challenge), spki, *proof)) {
        buf_addf(why, "backup of %s: the restored key does not sign as the original does", buf_cstr(&j->label));
        err = ZEGEL_ERR_BAD_SIGNATURE;
    }
    buf_free(&challenge);
    return err;
}

static int close_original(struct job *j, json_t **attributes, struct buf *why)
{
    const struct backup *b = j->b;
    int err = j->closed ? ZEGEL_OK : wrap_close(b->act.token, &j->original, why);
    return err == ZEGEL_OK ? evidence_attributes(b->act.token, &j->original, attributes, why) : err;
}

/* What the plan does not want to stay on the second token: the copy, or the pair that it came through. */
static int tidy(struct job *j, struct buf *why)
{
    bool keep = j->b->act.plan->backup.restored == PLAN_RESTORED_KEEP;
    CK_ULONG left = 0;
    struct bytes gone = keep ? pair_of(j) : id_of(j);
    int err = remove_all(j, gone, why);
    if (err == ZEGEL_OK)
        err = act_objects(j->b->act.second, gone, buf_cstr(&j->label), false, &left, why);
    if (err == ZEGEL_OK && left > 0) {
        buf_addf(why, "%s: the backup token still shows it", buf_cstr(&j->label));
        err = ZEGEL_ERR_MODULE;
    }
    return err;
}

static int hash_file(struct job *j, char hash[CANON_HEX], struct buf *why)
{
    struct buf content = BUF_INIT;
    hash[0] = '\0';
    if (!store_has(j->b->dir, buf_cstr(&j->file)))
        return ZEGEL_OK;
    int err = store_read(j->b->dir, buf_cstr(&j->file), &content, why);
    canon_hash(buf_bytes(&content), hash);
    buf_free(&content);
    return err;
}

int backup_make(const struct backup *b, const struct plan_key *k, json_t **data, struct buf *why)
{
    struct job j;
    char print[CANON_HEX], file[CANON_HEX] = "";
    json_t *proof = NULL, *restored = NULL, *closed = NULL;
    int err = job_begin(&j, b, k, why);
    *data = NULL;
    if (err == ZEGEL_OK)
        err = over(&j, why);
    if (err == ZEGEL_OK)
        err = try_copy(&j, &proof, &restored, why);
    if (err == ZEGEL_OK)
        err = close_original(&j, &closed, why);
    if (err == ZEGEL_OK)
        err = tidy(&j, why);
    if (err == ZEGEL_OK)
        err = hash_file(&j, file, why);
    canon_hash(bytes_of(j.original.spki, j.original.spki_len), print);
    if (err == ZEGEL_OK)
        *data = json_pack("{s:s, s:s, s:s, s:O, s:O, s:O, s:b, s:s}", "label", buf_cstr(&j.label), "token_serial",
                          b->act.plan->backup.token->serial, "spki_sha256", print, "proof", proof, "restored", restored, "closed",
                          closed, "kept", b->act.plan->backup.restored == PLAN_RESTORED_KEEP, "file_sha256", file);
    if (err == ZEGEL_OK && b->act.plan->backup.rule == PLAN_BACKUP_DKEK)
        (void)json_object_set_new(*data, "dkek", json_pack("{s:s, s:s}", "token", j.check[0], "backup", j.check[1]));
    json_decref(proof);
    json_decref(restored);
    json_decref(closed);
    job_free(&j);
    return err;
}

/* ---- destruction ---- */

/* A complete pair of another key is not ours to destroy. */
static int check_same(const struct backup *b, const struct plan_key *k, const char *label, struct buf *why)
{
    struct buf uri = BUF_INIT, ignored = BUF_INIT;
    struct key copy;
    char print[CANON_HEX];
    buf_add_str(&uri, "pkcs11:object=");
    for (const char *c = label; *c != '\0'; c++)
        buf_addf(&uri, "%%%02x", (unsigned)(unsigned char)*c);
    int err = key_find(b->act.second, buf_cstr(&uri), &copy, &ignored);
    if (err == ZEGEL_OK) {
        canon_hash(bytes_of(copy.spki, copy.spki_len), print);
        if (strcmp(print, k->spki_sha256) != 0) {
            buf_addf(why, "%s: the backup token holds another key of that name than the plan says; nothing was destroyed there",
                     label);
            err = ZEGEL_ERR_REFUSED;
        }
    } else {
        err = ZEGEL_OK; /* none, or a half of one */
    }
    buf_free(&uri);
    buf_free(&ignored);
    return err;
}

int backup_destroy(const struct backup *b, const struct plan_key *k, json_t **data, struct buf *why)
{
    struct buf label = BUF_INIT, pair = BUF_INIT;
    CK_ULONG copies = 0, pairs = 0, left = 0, left_pairs = 0;
    const struct bytes by_label = bytes_of(NULL, 0);
    *data = NULL;
    plan_label(k, &label);
    buf_addf(&pair, "backup of %s", buf_cstr(&label));
    int err = check_same(b, k, buf_cstr(&label), why);
    if (err == ZEGEL_OK)
        err = act_objects(b->act.second, by_label, buf_cstr(&label), true, &copies, why);
    if (err == ZEGEL_OK)
        err = act_objects(b->act.second, by_label, buf_cstr(&pair), true, &pairs, why);
    if (err == ZEGEL_OK)
        err = act_objects(b->act.second, by_label, buf_cstr(&label), false, &left, why);
    if (err == ZEGEL_OK)
        err = act_objects(b->act.second, by_label, buf_cstr(&pair), false, &left_pairs, why);
    if (err == ZEGEL_OK && left + left_pairs > 0) {
        buf_addf(why, "%s: the backup token still shows it", buf_cstr(&label));
        err = ZEGEL_ERR_MODULE;
    }
    if (err == ZEGEL_OK)
        *data =
            json_pack("{s:s, s:s, s:s, s:I, s:b}", "label", buf_cstr(&label), "token_serial", b->act.plan->backup.token->serial,
                      "spki_sha256", k->spki_sha256, "objects", (json_int_t)copies + (json_int_t)pairs, "absent", 1);
    buf_free(&label);
    buf_free(&pair);
    return err;
}
