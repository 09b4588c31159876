/* What backup.h says without a token: also the auditor's. */
#include "ceremony/backup_check.h"

#include "base/err.h"
#include "ceremony/evidence.h"

void backup_file(const struct plan_key *k, struct buf *name)
{
    buf_clear(name);
    buf_addf(name, "backup-%s-%s.json", k->domain, k->selector);
}

static const char *text_of(const json_t *e, const char *name)
{
    const char *s = json_string_value(json_object_get(e, name));
    return s == NULL ? "" : s;
}

static bool copy_signed(const struct plan *p, const char *plan_hash, const struct plan_key *k, const json_t *made,
                        const json_t *e)
{
    uint8_t room[KEY_SPKI_MAX];
    struct buf challenge = BUF_INIT;
    evidence_restore_challenge(p, plan_hash, k, text_of(made, "spki_sha256"), &challenge);
    bool ok = evidence_proof_fits(buf_bytes(&challenge), evidence_spki(made, room), json_object_get(e, "proof"));
    buf_free(&challenge);
    return ok;
}

/* What both cards said, when the plan's rule is dkek. */
static bool dkek_fits(const struct plan *p, const json_t *e)
{
    const json_t *said = json_object_get(e, "dkek");
    return p->backup.rule == PLAN_BACKUP_DKEK
               ? json_object_size(said) == 2 && strcmp(text_of(said, "token"), p->backup.dkek) == 0 &&
                     strcmp(text_of(said, "backup"), p->backup.dkek) == 0
               : said == NULL;
}

/* The file is there when the copy is not, and it is the one that the journal saw. */
static bool file_fits(const struct plan *p, const struct plan_key *k, const struct snapshot *files, const char *hash)
{
    struct buf name = BUF_INIT;
    char have[CANON_HEX] = "";
    backup_file(k, &name);
    const struct buf *content = snapshot_find(files, buf_cstr(&name));
    if (content != NULL)
        canon_hash(buf_bytes(content), have);
    buf_free(&name);
    return strcmp(have, hash) == 0 && (p->backup.restored == PLAN_RESTORED_KEEP || hash[0] != '\0');
}

int backup_check(const struct plan *p, const char *plan_hash, const struct plan_key *k, const struct snapshot *files,
                 const json_t *made, const json_t *e, struct buf *why)
{
    struct buf label = BUF_INIT;
    const char *wrong = NULL, *attribute = NULL;
    bool made_now = p->action == PLAN_GENERATE, kept = p->backup.restored == PLAN_RESTORED_KEEP;
    plan_label(k, &label);
    if (json_object_size(e) != (made_now ? 8U + (json_object_get(e, "dkek") != NULL) : 5U) ||
        strcmp(text_of(e, "label"), buf_cstr(&label)) != 0 || strcmp(text_of(e, "token_serial"), p->backup.token->serial) != 0 ||
        strcmp(text_of(e, "spki_sha256"), text_of(made, "spki_sha256")) != 0)
        wrong = "is not what the plan asked for";
    else if (!made_now && !json_is_true(json_object_get(e, "absent")))
        wrong = "is not shown to be gone";
    else if (made_now && (attribute = evidence_wrong_attribute(p, EVIDENCE_RESTORED, json_object_get(e, "restored"))) != NULL)
        wrong = "was restored without the attribute as planned: ";
    else if (made_now && (attribute = evidence_wrong_attribute(p, EVIDENCE_CLOSED, json_object_get(e, "closed"))) != NULL)
        wrong = "left the original without the attribute as planned: ";
    else if (made_now && !copy_signed(p, plan_hash, k, made, e))
        wrong = "has no proof that the restored key is the original";
    else if (made_now && json_is_true(json_object_get(e, "kept")) != kept)
        wrong = "was not dealt with as planned after the test";
    else if (made_now && !dkek_fits(p, e))
        wrong = "was not made with the DKEK of the plan";
    else if (made_now && !file_fits(p, k, files, text_of(e, "file_sha256")))
        wrong = "is not the file that the journal saw";
    if (wrong != NULL)
        buf_addf(why, "backup of %s: %s%s", buf_cstr(&label), wrong, attribute == NULL ? "" : attribute);
    buf_free(&label);
    return wrong == NULL ? ZEGEL_OK : ZEGEL_ERR_KEY_UNUSABLE;
}
