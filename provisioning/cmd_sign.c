#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd_sign.h"
#include "dkim/survive.h"
#include "milter/policy.h"
#include "pkcs11/sign.h"
#include "progress.h"
#include "signer/blockcheck.h"

/* One signature, made as the daemon makes it: the block checked, the token asked, the public key asked whether it is true. */
static int sign_one(struct message *m, const struct config_domain *d, const struct config_key *k, struct token *t,
                    struct out *value, struct buf *why)
{
    static uint8_t block_room[DKIM_BLOCK_MAX];
    struct out block = out_of(block_room, sizeof block_room);
    int64_t now = clock_wall_s();
    struct sigheader_params p = config_sigheader(d, k, now);
    struct sigheader parsed;
    struct key key;
    uint8_t hash[DKIM_HASH_LEN], sig[SIGN_MAX];
    size_t len = 0;
    if (!dkim_sign_block(m->dkim, &p, &d->headers, value, &block)) {
        buf_add_str(why, "header fields to be signed are too many or too large");
        return ZEGEL_ERR_REFUSED;
    }
    const char *bad = blockcheck(out_bytes(&block), d, k, now, &parsed);
    if (bad != NULL) {
        buf_add_str(why, bad);
        return ZEGEL_ERR_REFUSED;
    }
    int err = key_find(t, k->key, &key, why);
    if (err != ZEGEL_OK)
        return err;
    if ((key.type == KEY_RSA) != (k->algorithm == CONFIG_RSA_SHA256)) {
        buf_addf(why, "key %s: is not of the configured algorithm", k->key);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    if (!digest_sha256(out_bytes(&block), hash))
        return ZEGEL_ERR_NOMEM;
    err = sign_block(t, &key, out_bytes(&block), clock_monotonic_ms() + 20000, sig, &len, why);
    struct digest_key *public = err == ZEGEL_OK ? digest_key_from_spki(bytes_of(key.spki, key.spki_len)) : NULL;
    if (err == ZEGEL_OK && (public == NULL || !digest_verify(public, hash, bytes_of(sig, len)))) {
        buf_addf(why, "key %s: the token made a signature that does not verify; nothing is signed", k->key);
        err = ZEGEL_ERR_BAD_SIGNATURE;
    }
    digest_key_free(public);
    if (err == ZEGEL_OK)
        sigheader_add_signature(bytes_of(sig, len), value);
    return err;
}

static void add_field(struct buf *out, struct bytes value, bool lf)
{
    buf_add_str(out, "DKIM-Signature:");
    for (size_t i = 0; i < value.len; i++)
        if (!lf || value.data[i] != '\r')
            buf_add_u8(out, value.data[i]);
    buf_add_str(out, lf ? "\n" : "\r\n");
}

static int sign_all(struct message *m, const struct config *c, const struct config_domain *d, struct buf *fields, struct buf *why)
{
    static uint8_t value_room[DKIM_FIELD_MAX];
    int err = ZEGEL_OK;
    for (unsigned i = 0; i < d->keys_count && err == ZEGEL_OK; i++) {
        struct out value = out_of(value_room, sizeof value_room);
        struct cmd_token t;
        err = cmd_token_open(c, &c->tokens[d->keys[i].token], &t, why);
        if (err == ZEGEL_OK)
            err = sign_one(m, d, &d->keys[i], t.token, &value, why);
        if (err == ZEGEL_OK)
            add_field(fields, out_bytes(&value), m->lf);
        cmd_token_close(&t);
    }
    return err;
}

const struct config_domain *cmd_sign_judge(const struct config *c, const struct message *m, const char *domain, const char **bad)
{
    struct policy_answer a = policy_judge(c, &(const struct sender){.local = true}, &m->dkim->header);
    *bad = policy_defect(&m->dkim->header);
    if (a.verdict != POLICY_SIGN)
        *bad = a.reason;
    else if (domain != NULL && !bytes_ieq(bytes_str(domain), bytes_str(a.domain->domain)))
        *bad = "the From domain does not belong to --domain";
    return *bad == NULL ? a.domain : NULL;
}

/* As the domain's survive: says: an error, or a warning to standard error for each risk. */
static int check_survival(const struct message *m, const struct config_domain *d, struct buf *why)
{
    struct survive_risk risks[SURVIVE_RISKS_MAX];
    size_t n = d->survive == CONFIG_SURVIVE_OFF ? 0 : survive_risks(m->dkim, &d->headers, d->seven_bit, risks);
    for (size_t i = 0; i < n; i++) {
        struct bytes where = risks[i].field.data == NULL ? BYTES_LIT("body") : risks[i].field;
        if (d->survive == CONFIG_SURVIVE_REFUSE) {
            buf_addf(why, "%.*s: %s", (int)where.len, (const char *)where.data, risks[i].what);
            return ZEGEL_ERR_REFUSED;
        }
        (void)fprintf(stderr, "zegel sign: warning: the signature may not survive: %.*s: %s\n", (int)where.len,
                      (const char *)where.data, risks[i].what);
    }
    return ZEGEL_OK;
}

static bool write_all(struct bytes b)
{
    return b.len == 0 || fwrite(b.data, 1, b.len, stdout) == b.len;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    struct message m = {.text = BUF_INIT};
    struct buf why = BUF_INIT, fields = BUF_INIT;
    const char *bad = NULL;
    int code;
    if (!cmd_options(argc, argv, &cmd_sign, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_sign, &o, &code);
    if (c == NULL)
        return code;
    if (o.explain != NULL) {
        code = cmd_sign_explain(c, &o);
        config_free(c);
        return code;
    }
    int err = message_read(STDIN_FILENO, &m, &why);
    const struct config_domain *d = err == ZEGEL_OK ? cmd_sign_judge(c, &m, o.domain, &bad) : NULL;
    if (bad != NULL) {
        buf_add_str(&why, bad);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK && d->keys_count == 0) {
        buf_addf(&why, "%s: no key signs for this domain yet (zegel rotate status)", d->domain);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        err = check_survival(&m, d, &why);
    progress_begin(&o, "the token signs", 0);
    if (err == ZEGEL_OK)
        err = sign_all(&m, c, d, &fields, &why);
    progress_end();
    if (err == ZEGEL_OK && fields.failed)
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK && !(write_all(buf_bytes(&fields)) && write_all(buf_bytes(&m.text)) && fflush(stdout) == 0)) {
        buf_add_str(&why, "standard output could not be written");
        err = ZEGEL_ERR_SYSTEM;
    }
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_sign, err, buf_cstr(&why));
    message_free(&m);
    buf_free(&fields);
    buf_free(&why);
    config_free(c);
    return code;
}

const struct cmd cmd_sign = {
    NULL, "sign", run, "[--domain D] <MESSAGE >SIGNED, or --explain FILE [--json]",
    "Sign one message as the daemon would; or tell what would be signed, and what of it will not survive the way."};
