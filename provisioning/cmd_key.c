#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "keyforget.h"
#include "dkim/digest.h"
#include "dkim/domain.h"
#include "pkcs11/sign.h"
#include "progress.h"
#include "zegeltoken.h"

#include "base/clock.h"

static const struct {
    const char *name;
    enum key_type type;
    unsigned bits;
} algorithms[] = {
    {"rsa2048", KEY_RSA, 2048}, {"rsa3072", KEY_RSA, 3072}, {"rsa4096", KEY_RSA, 4096}, {"ed25519", KEY_ED25519, 256}};

static const char *algorithm_of(const struct key *k)
{
    static _Thread_local char other[24];
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (algorithms[i].type == k->type && algorithms[i].bits == k->bits)
            return algorithms[i].name;
    (void)snprintf(other, sizeof other, "rsa%u", k->bits);
    return other;
}

/* SHA-256 of the SPKI: what people compare. */
static void fingerprint(const struct key *k, char out[65])
{
    uint8_t hash[DKIM_HASH_LEN] = {0};
    (void)digest_sha256(bytes_of(k->spki, k->spki_len), hash);
    bytes_hex(bytes_of(hash, sizeof hash), out);
}

static json_t *describe(const struct key *k)
{
    char id[2 * KEY_ID_MAX + 1], print[65];
    bytes_hex(bytes_of(k->id, k->id_len), id);
    fingerprint(k, print);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "label", k->label, "algorithm", algorithm_of(k), "id", id, "spki_sha256", print,
                     "end_date", k->end_date);
}

/* A token for a command, or an exit code. */
static bool open_for(const struct cmd *cmd, const struct cmd_options *o, struct config **c, struct cmd_token *t, int *code)
{
    struct buf why = BUF_INIT;
    *c = cmd_config(cmd, o, code);
    if (*c == NULL)
        return false;
    const struct config_token *which = cmd_find_token(*c, o->token);
    int err = which == NULL ? ZEGEL_ERR_USAGE : cmd_token_open(*c, which, t, &why);
    if (which == NULL)
        buf_addf(&why, "--token %s: not in the configuration", o->token);
    if (err != ZEGEL_OK) {
        *code = cmd_fail(cmd, err, buf_cstr(&why));
        config_free(*c);
    }
    buf_free(&why);
    return err == ZEGEL_OK;
}

static bool label_from(const struct cmd_options *o, char label[KEY_LABEL_MAX])
{
    if (o->domain == NULL || o->selector == NULL || !domain_is_valid(bytes_str(o->domain)) ||
        !domain_is_valid(bytes_str(o->selector)))
        return false;
    int n = snprintf(label, KEY_LABEL_MAX, "%s/%s", o->domain, o->selector);
    for (char *p = label; *p != '\0'; p++)
        *p = (char)ascii_lower((uint8_t)*p);
    return n > 0 && n < KEY_LABEL_MAX;
}

static int find_labelled(struct token *t, const char *label, struct key *k, struct buf *why)
{
    struct buf uri = BUF_INIT;
    buf_addf(&uri, "pkcs11:object=%s", label); /* label_from lets only LDH names through */
    int err = key_find(t, buf_cstr(&uri), k, why);
    buf_free(&uri);
    return err;
}

/* On a Zegel token its administrator makes keys, and says what they may sign for ever. */
static int generate(struct cmd_token *t, const struct cmd_options *o, size_t a, const char *label, struct key *k, struct buf *why)
{
    struct zegeltoken z;
    if (zegeltoken_of(t->module, t->token->slot, t->token->cfg.name, &z)) {
        int err = zegeltoken_generate(&z, o, algorithms[a].type == KEY_RSA ? algorithms[a].bits : 0, why);
        return err == ZEGEL_OK ? find_labelled(t->token, label, k, why) : err;
    }
    if (o->policy == NULL && o->rate == NULL && o->daily_cap == NULL && !o->strict && !o->may_leave && o->so_pin_file == NULL)
        return key_generate(t->token, algorithms[a].type, algorithms[a].bits, label, k, why);
    buf_addf(why,
             "token %s: is no Zegel token; --policy, --rate, --daily-cap, --strict, --may-leave and --so-pin-file are for those",
             t->token->cfg.name);
    return ZEGEL_ERR_USAGE;
}

static int run_generate(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_key_generate;
    struct cmd_options o;
    struct cmd_token t;
    struct config *c;
    struct buf why = BUF_INIT;
    struct key k;
    char label[KEY_LABEL_MAX];
    size_t a = 0;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    while (o.algorithm != NULL && a < sizeof algorithms / sizeof algorithms[0] && strcmp(algorithms[a].name, o.algorithm) != 0)
        a++;
    if (o.algorithm == NULL || a == sizeof algorithms / sizeof algorithms[0])
        return cmd_misuse(cmd, "--algorithm must be rsa2048, rsa3072, rsa4096 or ed25519");
    if (!label_from(&o, label))
        return cmd_misuse(cmd, "--domain and --selector must be domain names (A-labels)");
    if (!open_for(cmd, &o, &c, &t, &code))
        return code;
    progress_begin(&o, "the token makes the key", 0);
    int err = generate(&t, &o, a, label, &k, &why);
    progress_end();
    if (err == ZEGEL_OK && o.json) {
        cmd_print_json(describe(&k));
    } else if (err == ZEGEL_OK) {
        char print[65];
        fingerprint(&k, print);
        (void)printf("%s: %s key made on the token; it cannot leave it\nSHA-256 of its public key: %s\n", label, algorithm_of(&k),
                     print);
    }
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    cmd_token_close(&t);
    config_free(c);
    buf_free(&why);
    return code;
}

static int run_list(int argc, char **argv)
{
    struct cmd_options o;
    struct cmd_token t;
    struct config *c;
    struct buf why = BUF_INIT;
    struct key *keys;
    size_t count;
    int code;
    if (!cmd_options(argc, argv, &cmd_key_list, &o, &code) || !open_for(&cmd_key_list, &o, &c, &t, &code))
        return code;
    json_t *all = json_array();
    progress_begin(&o, "the token lists its keys", 0);
    int err = key_list(t.token, &keys, &count, &why);
    progress_end();
    if (err == ZEGEL_OK && !o.json)
        (void)printf("%-36s %-9s %s\n", "KEY", "ALGORITHM", "SHA-256 OF ITS PUBLIC KEY");
    for (size_t i = 0; err == ZEGEL_OK && i < count; i++) {
        char print[65];
        fingerprint(&keys[i], print);
        if (!o.json)
            (void)printf("%-36s %-9s %s\n", keys[i].label, algorithm_of(&keys[i]), print);
        (void)json_array_append_new(all, describe(&keys[i]));
    }
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(json_incref(all));
    json_decref(all);
    free(keys);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_key_list, err, buf_cstr(&why));
    cmd_token_close(&t);
    config_free(c);
    buf_free(&why);
    return code;
}

/* ---- show ---- */

/* Sign something nobody could have prepared, and verify with the public half. */
static int prove_possession(struct token *t, struct key *k, struct buf *why)
{
    uint8_t nonce[DKIM_HASH_LEN], hash[DKIM_HASH_LEN], sig[SIGN_MAX];
    size_t len;
    (void)snprintf((char *)nonce, sizeof nonce, "zegel %lld %lld", (long long)clock_wall_s(), (long long)clock_monotonic_ms());
    if (!digest_sha256(bytes_of(nonce, sizeof nonce), hash))
        return ZEGEL_ERR_NOMEM;
    int err = sign_block(t, k, bytes_of(nonce, sizeof nonce), clock_monotonic_ms() + 20000, sig, &len, why);
    struct digest_key *key = err == ZEGEL_OK ? digest_key_from_spki(bytes_of(k->spki, k->spki_len)) : NULL;
    if (err == ZEGEL_OK && (key == NULL || !digest_verify(key, hash, bytes_of(sig, len))))
        err = ZEGEL_ERR_BAD_SIGNATURE;
    digest_key_free(key);
    return err;
}

static json_t *said(int value)
{
    return value < 0 ? json_null() : json_boolean(value);
}

static json_t *describe_attributes(const struct key_attributes *a)
{
    json_t *j = json_object();
    (void)json_object_set_new(j, "CKA_SENSITIVE", said(a->sensitive));
    (void)json_object_set_new(j, "CKA_ALWAYS_SENSITIVE", said(a->always_sensitive));
    (void)json_object_set_new(j, "CKA_EXTRACTABLE", said(a->extractable));
    (void)json_object_set_new(j, "CKA_NEVER_EXTRACTABLE", said(a->never_extractable));
    (void)json_object_set_new(j, "CKA_LOCAL", said(a->local));
    (void)json_object_set_new(j, "CKA_MODIFIABLE", said(a->modifiable));
    (void)json_object_set_new(j, "CKA_COPYABLE", said(a->copyable));
    (void)json_object_set_new(j, "CKA_SIGN", said(a->sign));
    (void)json_object_set_new(j, "CKA_SIGN_RECOVER", said(a->sign_recover));
    (void)json_object_set_new(j, "CKA_DECRYPT", said(a->decrypt));
    (void)json_object_set_new(j, "CKA_UNWRAP", said(a->unwrap));
    (void)json_object_set_new(j, "CKA_DERIVE", said(a->derive));
    json_t *allowed = json_array();
    for (size_t i = 0; i < a->allowed_count; i++)
        (void)json_array_append_new(allowed, json_string(a->allowed[i] == CKM_SHA256_RSA_PKCS      ? "CKM_SHA256_RSA_PKCS"
                                                         : a->allowed[i] == CKM_RSA_PKCS           ? "CKM_RSA_PKCS"
                                                         : a->allowed[i] == CKM_EDDSA              ? "CKM_EDDSA"
                                                         : a->allowed[i] == CKM_ZEGEL_EDDSA_SHA256 ? "CKM_ZEGEL_EDDSA_SHA256"
                                                                                                   : "other"));
    (void)json_object_set_new(j, "CKA_ALLOWED_MECHANISMS", allowed);
    return j;
}

static void print_flat(const json_t *j)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        if (json_is_object(value)) {
            print_flat(value);
            continue;
        }
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        (void)printf("%-24s %s\n", key,
                     json_is_string(value) ? json_string_value(value)
                     : json_is_null(value) ? "not said"
                     : text == NULL        ? ""
                                           : text);
        free(text);
    }
}

static int show(const struct config *c, struct cmd_token *t, const char *label, const struct cmd_options *o, struct buf *why)
{
    (void)c;
    struct key_attributes a;
    struct zegeltoken z;
    struct key k;
    int err = find_labelled(t->token, label, &k, why);
    if (err == ZEGEL_OK)
        err = key_attributes(t->token, &k, &a, why);
    if (err != ZEGEL_OK)
        return err;
    bool attests = zegeltoken_of(t->module, t->token->slot, t->token->cfg.name, &z);
    err = attests ? zegeltoken_vouches(&z, k.id, k.id_len, why) : prove_possession(t->token, &k, why);
    json_t *j = describe(&k);
    (void)json_object_set_new(j, "proof_of_possession",
                              json_string(err != ZEGEL_OK ? zegel_strerror(err)
                                          : attests       ? "attested by the token's device key, verified"
                                                          : "signed and verified"));
    (void)json_object_set_new(j, "attributes", describe_attributes(&a));
    progress_end();
    if (o->json) {
        cmd_print_json(j);
    } else {
        print_flat(j);
        json_decref(j);
    }
    return err;
}

/* show and destroy: one key by domain and selector. */
static int with_key(int argc, char **argv, const struct cmd *cmd,
                    int (*act)(const struct config *, struct cmd_token *, const char *, const struct cmd_options *, struct buf *))
{
    struct cmd_options o;
    struct cmd_token t;
    struct config *c;
    struct buf why = BUF_INIT;
    char label[KEY_LABEL_MAX];
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    if (!label_from(&o, label))
        return cmd_misuse(cmd, "--domain and --selector must be domain names (A-labels)");
    if (!open_for(cmd, &o, &c, &t, &code))
        return code;
    progress_begin(&o, "asking the token", 0);
    int err = act(c, &t, label, &o, &why);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err == ZEGEL_ERR_KEY_GONE ? ZEGEL_ERR_NOT_FOUND : err, buf_cstr(&why));
    cmd_token_close(&t);
    config_free(c);
    buf_free(&why);
    return code;
}

static int run_show(int argc, char **argv)
{
    return with_key(argc, argv, &cmd_key_show, show);
}

static int destroy(const struct config *c, struct cmd_token *t, const char *label, const struct cmd_options *o, struct buf *why)
{
    unsigned forgotten;
    struct zegeltoken z;
    struct key k;
    int err = find_labelled(t->token, label, &k, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_of(t->module, t->token->slot, t->token->cfg.name, &z) ? zegeltoken_destroy(&z, o, k.id, k.id_len, why)
                                                                               : key_destroy(t->token, &k, why);
    progress_end();
    if (err == ZEGEL_OK && o->json)
        cmd_print_json(json_pack("{s:s, s:b}", "label", label, "destroyed", 1));
    else if (err == ZEGEL_OK)
        (void)printf("%s: destroyed; the token no longer shows it\n", label);
    if (err == ZEGEL_OK && keyforget(c, o->domain, o->selector, &forgotten, why) != ZEGEL_OK) {
        (void)fprintf(stderr, "zegel key destroy: %s; before another key gets this name: zegel key forget\n", buf_cstr(why));
        buf_clear(why);
    }
    return err;
}

static int run_destroy(int argc, char **argv)
{
    return with_key(argc, argv, &cmd_key_destroy, destroy);
}

/* ---- forget ---- */

static int run_forget(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_key_forget;
    struct cmd_options o;
    struct buf why = BUF_INIT;
    char label[KEY_LABEL_MAX];
    unsigned count;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    if (!label_from(&o, label))
        return cmd_misuse(cmd, "--domain and --selector must be domain names (A-labels)");
    struct config *c = cmd_config(cmd, &o, &code);
    if (c == NULL)
        return code;
    int err = keyforget(c, o.domain, o.selector, &count, &why);
    if (err == ZEGEL_OK && count == 0) {
        buf_addf(&why, "%s: not in the configuration", label);
        err = ZEGEL_ERR_NOT_FOUND;
    }
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(json_pack("{s:s, s:b}", "label", label, "forgotten", 1));
    else if (err == ZEGEL_OK)
        (void)printf("%s: from its next start zegeld takes the public key that the token then shows\n", label);
    config_free(c);
    buf_free(&why);
    return code;
}

const struct cmd cmd_key_generate = {
    "key", "generate", run_generate,
    "--domain D --selector S --algorithm rsa2048|rsa3072|rsa4096|ed25519 [--token NAME] [--json]\n"
    "    on a Zegel token: --so-pin-file FILE [--policy dkim-only|ticket|blind] [--strict] [--rate N] [--daily-cap N] "
    "[--may-leave]",
    "Generate a signing key on the token."};
const struct cmd cmd_key_list = {"key", "list", run_list, "[--token NAME] [--json]", "Keys on the token that can sign DKIM."};
const struct cmd cmd_key_show = {"key", "show", run_show, "--domain D --selector S [--token NAME] [--json]",
                                 "One key's attributes, and a proof that the token has it."};
const struct cmd cmd_key_destroy = {"key", "destroy", run_destroy,
                                    "--domain D --selector S [--token NAME] [--so-pin-file FILE] [--json]",
                                    "Destroy one key, for ever."};
const struct cmd cmd_key_forget = {"key", "forget", run_forget, "--domain D --selector S [--json]",
                                   "Let zegeld take another public key for this key, which was replaced on purpose."};
