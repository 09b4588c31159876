/* The policy a plan must keep, as numbered rules. */
#include <openssl/ec.h>
#include <stdio.h>

#include "base/err.h"
#include "ceremony/plan.h"
#include "config/config.h"
#include "dkim/domain.h"

enum { DAY_S = 86400, WINDOW_MAX_S = 90 * DAY_S, PEOPLE_MAX = 21 };

static unsigned people(const struct plan *p, const struct plan_person *out[PEOPLE_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->custodians_count && n < PEOPLE_MAX - 4; i++)
        out[n++] = &p->custodians[i];
    out[n++] = &p->administrator;
    out[n++] = &p->dns_operator;
    out[n++] = &p->witness;
    out[n++] = &p->transcript;
    return n;
}

static bool format(const struct plan *p, struct buf *why)
{
    buf_addf(why, "format is %s", p->format);
    return strcmp(p->format, PLAN_FORMAT) == 0;
}

static bool nonce(const struct plan *p, struct buf *why)
{
    buf_add_str(why, "nonce must be 64 hex digits of a random generator");
    return canon_is_hash(p->nonce) && strcmp(p->nonce, PLAN_NO_PREVIOUS) != 0;
}

static bool serial(const struct plan *p, struct buf *why)
{
    buf_addf(why, "serial is %u", p->serial);
    return p->serial >= 1;
}

static bool window(const struct plan *p, struct buf *why)
{
    int64_t from = plan_time(p->not_before), to = plan_time(p->not_after);
    buf_addf(why, "the window is %s to %s", p->not_before, p->not_after);
    return from >= 0 && to > from && to - from <= WINDOW_MAX_S;
}

static bool is_lower_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            return false;
    return domain_is_valid(bytes_str(name));
}

static bool names(const struct plan *p, struct buf *why)
{
    for (unsigned i = 0; i < p->keys_count; i++) {
        const struct plan_key *k = &p->keys[i];
        buf_clear(why);
        buf_addf(why, "%s/%s", k->domain, k->selector);
        if (!is_lower_name(k->domain) || !is_lower_name(k->selector))
            return false;
        for (unsigned n = 0; n < i; n++)
            if (strcmp(p->keys[n].domain, k->domain) == 0 && strcmp(p->keys[n].selector, k->selector) == 0)
                return false;
    }
    return true;
}

static bool fingerprints(const struct plan *p, struct buf *why)
{
    for (unsigned i = 0; i < p->keys_count; i++) {
        const char *print = p->keys[i].spki_sha256;
        buf_clear(why);
        buf_addf(why, "key %s", p->keys[i].selector);
        if ((print != NULL) != (p->action != PLAN_GENERATE) || (print != NULL && !canon_is_hash(print)))
            return false;
    }
    return true;
}

static bool attributes(const struct plan *p, struct buf *why)
{
    const struct plan_template *t = &p->template;
    buf_add_str(why, "only CKA_SIGN and CKA_SENSITIVE may be true");
    return t->sign && t->sensitive && !t->extractable && !t->modifiable && !t->copyable && !t->decrypt && !t->unwrap &&
           !t->derive && !t->sign_recover;
}

static bool threshold(const struct plan *p, struct buf *why)
{
    buf_addf(why, "threshold is %u of %u", p->threshold, p->custodians_count);
    return p->threshold >= 2 && p->threshold <= p->custodians_count;
}

static bool roles(const struct plan *p, struct buf *why)
{
    const struct plan_person *all[PEOPLE_MAX];
    unsigned count = people(p, all);
    for (unsigned i = 0; i < count; i++) {
        const char *name = all[i]->name;
        buf_clear(why);
        buf_addf(why, "%s has two roles, or a name that is not a-z, 0-9 and hyphens", name);
        if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name) || name[0] == '-')
            return false;
        for (unsigned n = 0; n < i; n++)
            if (strcmp(all[n]->name, name) == 0)
                return false;
    }
    return true;
}

/* One person with two names would still have one card. */
static bool cards(const struct plan *p, struct buf *why)
{
    const struct plan_person *all[PEOPLE_MAX];
    X509 *certificates[PEOPLE_MAX] = {NULL};
    unsigned count = people(p, all);
    bool ok = true;
    for (unsigned i = 0; i < count && ok; i++) {
        certificates[i] = plan_certificate(all[i]->certificate);
        for (unsigned n = 0; n < i && ok; n++) {
            buf_clear(why);
            buf_addf(why, "%s and %s hold the same key", all[n]->name, all[i]->name);
            ok = certificates[i] == NULL || certificates[n] == NULL ||
                 EVP_PKEY_eq(X509_get0_pubkey(certificates[i]), X509_get0_pubkey(certificates[n])) != 1;
        }
    }
    for (unsigned i = 0; i < count; i++)
        X509_free(certificates[i]);
    return ok;
}

static bool is_good_certificate(const struct plan *p, X509 *x)
{
    EVP_PKEY *key = x == NULL ? NULL : X509_get0_pubkey(x);
    char group[32] = "";
    time_t from = (time_t)plan_time(p->not_before), to = (time_t)plan_time(p->not_after);
    if (key == NULL || X509_cmp_time(X509_get0_notBefore(x), &from) >= 0 || X509_cmp_time(X509_get0_notAfter(x), &to) <= 0)
        return false;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        return EVP_PKEY_get_bits(key) >= 2048;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static bool certificates(const struct plan *p, struct buf *why)
{
    const struct plan_person *all[PEOPLE_MAX];
    unsigned count = people(p, all);
    bool ok = true;
    for (unsigned i = 0; i < count && ok; i++) {
        X509 *x = plan_certificate(all[i]->certificate);
        buf_clear(why);
        buf_addf(why, "the certificate of %s", all[i]->name);
        ok = is_good_certificate(p, x);
        X509_free(x);
    }
    return ok;
}

static bool hashes(const struct plan *p, struct buf *why)
{
    buf_add_str(why, "module-sha256, tool-sha256 or previous");
    return canon_is_hash(p->token.module_sha256) && canon_is_hash(p->tool_sha256) && canon_is_hash(p->previous) &&
           (p->backup.token == NULL || canon_is_hash(p->backup.token->module_sha256));
}

static bool is_plain_token(const struct plan_token *t, struct buf *why)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .()";
    buf_clear(why);
    buf_addf(why, "module %s, token %s, serial %s", t->module, t->label, t->serial);
    return t->module[0] == '/' && strspn(t->serial, plain) == strlen(t->serial) && strspn(t->label, plain) == strlen(t->label);
}

static bool module(const struct plan *p, struct buf *why)
{
    return is_plain_token(&p->token, why) && (p->backup.token == NULL || is_plain_token(p->backup.token, why));
}

static bool backup(const struct plan *p, struct buf *why)
{
    const struct plan_backup *b = &p->backup;
    bool second =
        b->token != NULL && (strcmp(b->token->serial, p->token.serial) != 0 || strcmp(b->token->module, p->token.module) != 0);
    bool dkek = b->rule == PLAN_BACKUP_DKEK;
    buf_addf(why, "rule is %s", plan_backup_name(b->rule));
    if (dkek != (b->dkek != NULL) || (dkek && strspn(b->dkek, "0123456789abcdef") != PLAN_DKEK_LEN)) {
        buf_addf(why, ", and dkek: is %s", b->dkek == NULL ? "not there" : b->dkek);
        return false;
    }
    if (b->rule == PLAN_BACKUP_NONE)
        return b->token == NULL;
    for (unsigned i = 0; i < p->keys_count; i++)
        if (p->keys[i].algorithm == PLAN_ED25519) {
            buf_addf(why, ", and %s is an Ed25519 key, which %s", p->keys[i].selector,
                     dkek ? "a SmartCard-HSM does not have" : "SoftHSM does not wrap (CKR_KEY_NOT_WRAPPABLE)");
            return false;
        }
    return second;
}

static bool leaving(const struct plan *p)
{
    return p->backup.rule != PLAN_BACKUP_NONE && p->action == PLAN_GENERATE;
}

static void leaving_warnings(const struct plan *p, struct buf *out)
{
    if (p->backup.rule == PLAN_BACKUP_WRAP)
        buf_add_str(out,
                    "W1: from its generation until its backup is tried, each key has CKA_EXTRACTABLE: whoever has the PIN of the "
                    "token in that time, or any program on this machine with the session, could take it out under a key of "
                    "their own; CKA_WRAP_WITH_TRUSTED does not help without the security officer in the room. Afterwards it "
                    "is false and cannot be set again, but CKA_NEVER_EXTRACTABLE stays false and CKA_MODIFIABLE true, for ever: "
                    "zegeld uses such a key only where zegel.yaml says wrapped-backup: of it\n");
    else
        buf_add_str(out,
                    "W5: a card with a DKEK lets every key on it leave, for ever and as often as one likes, whatever "
                    "CKA_EXTRACTABLE says: to any card with the same DKEK, by whoever has its PIN; and all DKEK shares together, "
                    "with their passwords, decrypt such a key with no card at all. OpenSC says CKA_MODIFIABLE and "
                    "CKA_SIGN_RECOVER of keys on these cards: this ceremony lets that pass, zegeld only with key-audit: warn\n");
}

void plan_warnings(const struct plan *p, struct buf *out)
{
    if (leaving(p))
        leaving_warnings(p, out);
    if (leaving(p) && p->backup.restored == PLAN_RESTORED_DESTROY)
        buf_add_str(out,
                    "W2: the encrypted keys are files of the transcript: with the backup token and its PIN, they are the keys; "
                    "whoever gets the transcript and that token has both\n");
    if (leaving(p) && p->backup.restored == PLAN_RESTORED_KEEP)
        buf_add_str(out, "W3: there will be two tokens that can sign with these keys: a destruction has to name both\n");
    if (leaving(p))
        buf_add_str(out, "W4: a DKIM key is replaced, not restored (NIST SP 800-177): is this backup needed?\n");
}

static bool timing(const struct plan *p, struct buf *why)
{
    int64_t day = (int64_t)DAY_S * 1000, publish = config_duration_ms(p->timing.publish_wait),
            active = config_duration_ms(p->timing.active_max), kept = config_duration_ms(p->timing.retired_keep);
    buf_addf(why, "publish-wait %s, active-max %s, retired-keep %s", p->timing.publish_wait, p->timing.active_max,
             p->timing.retired_keep);
    return publish >= day && active > 0 && active <= 180 * day && kept >= 8 * day;
}

static const struct {
    bool (*keeps)(const struct plan *, struct buf *why);
    const char *rule;
} rules[] = {
    {format, "format is " PLAN_FORMAT},
    {serial, "the serial is a number from 1; each ceremony with a token takes a higher one"},
    {nonce, "the nonce is 64 lower-case hex digits, not all zero"},
    {window, "not-before and not-after are RFC 3339 in UTC with a Z, at most 90 days apart"},
    {names, "domains and selectors are lower-case LDH names, none twice"},
    {fingerprints, "spki-sha256 names each key that is there already, and no key to generate"},
    {attributes, "the key can do nothing but sign, and can never leave the token"},
    {threshold, "at least two custodians must agree, and there are that many"},
    {roles, "nobody has two roles: custodian, administrator, DNS operator, witness, transcript key"},
    {certificates, "certificates are RSA from 2048 bits or P-256, one each, valid during the whole window"},
    {cards, "no two people hold the same key"},
    {hashes, "hashes are SHA-256 as 64 lower-case hex digits"},
    {module, "the module's path is absolute; token label and serial are plain text"},
    {backup, "backup: none; or wrap, of RSA keys, to another token that is named; or dkek, likewise, with its check value as 16 "
             "hex digits"},
    {timing, "publish-wait from 24h, active-max to 180d, retired-keep from 8d"},
};
enum { RULES = sizeof rules / sizeof rules[0] };

int plan_lint(const struct plan *p, struct buf *why)
{
    struct buf seen = BUF_INIT;
    int err = ZEGEL_OK;
    for (size_t i = 0; i < RULES && err == ZEGEL_OK; i++) {
        buf_clear(&seen);
        if (rules[i].keeps(p, &seen))
            continue;
        buf_addf(why, "P%02zu: %s (%s); change plan.yaml", i + 1, rules[i].rule, buf_cstr(&seen));
        err = ZEGEL_ERR_REFUSED;
    }
    buf_free(&seen);
    return err;
}

void plan_rules(struct buf *out)
{
    for (size_t i = 0; i < RULES; i++)
        buf_addf(out, "P%02zu %s\n", i + 1, rules[i].rule);
}

int plan_check_time(const struct plan *p, int64_t now_s, struct buf *why)
{
    char now[21];
    plan_time_text(now_s, now);
    bool early = now_s<plan_time(p->not_before), late = now_s> plan_time(p->not_after);
    if (!early && !late)
        return ZEGEL_OK;
    buf_addf(why, "the plan is valid %s %s and it is %s; %s", early ? "from" : "until", early ? p->not_before : p->not_after, now,
             early ? "wait, or correct the clock" : "prepare a new plan and have it approved");
    return ZEGEL_ERR_REFUSED;
}
