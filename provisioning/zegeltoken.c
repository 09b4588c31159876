#include "zegeltoken.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "pkcs11/ckr.h"

enum { OWN_FIRST = 0x10, OWN_LAST = 0x2f, USER = 0x82, ADMIN = 0x83, RATE_MAX = 60000 };

static const char *const policies[] = {NULL, "dkim-only", "ticket", "blind"};

const char *zegeltoken_policy_name(unsigned policy)
{
    return policy >= APPLET_DKIM_ONLY && policy <= APPLET_BLIND ? policies[policy] : "unknown";
}

static bool exchange(void *arg, const uint8_t *command, size_t len, uint8_t *response, size_t *response_len)
{
    struct zegeltoken *z = arg;
    CK_ULONG got = *response_len;
    z->rv = z->exchange(z->slot, command, len, response, &got);
    *response_len = z->rv == CKR_OK && got <= *response_len ? got : 0;
    return z->rv == CKR_OK;
}

bool zegeltoken_of(const struct module *m, CK_SLOT_ID slot, const char *name, struct zegeltoken *out)
{
    void *symbol = dlsym(m->handle, ZEGEL_TOKEN_EXCHANGE);
    *out = (struct zegeltoken){.name = name, .slot = slot, .applet = {exchange, out}};
    memcpy(&out->exchange, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
    return symbol != NULL;
}

int zegeltoken_open(const struct config_token *t, struct zegeltoken_opened *out, struct buf *why)
{
    struct token_config cfg = {.name = t->name};
    *out = (struct zegeltoken_opened){0};
    int err = cmd_token_find(t, &cfg, &out->module, &out->token, why);
    if (err == ZEGEL_OK && !zegeltoken_of(out->module, out->token->slot, t->name, &out->z)) {
        buf_addf(why, "token %s: is no Zegel token", t->name);
        err = ZEGEL_ERR_NOT_FOUND;
    }
    if (err != ZEGEL_OK)
        zegeltoken_close(out);
    return err;
}

void zegeltoken_close(struct zegeltoken_opened *t)
{
    token_close(t->token);
    module_close(t->module);
    *t = (struct zegeltoken_opened){0};
}

int zegeltoken_said(const struct zegeltoken *z, const char *what, unsigned sw, struct buf *why)
{
    if (sw == SW_OK)
        return ZEGEL_OK;
    if (sw == APPLET_LOST) {
        buf_addf(why, "token %s: %s: %s; %s", z->name, what, ckr_name(z->rv), ckr_advice(z->rv));
        return ckr_to_err(z->rv);
    }
    buf_addf(why, "token %s: %s: %s (%04X)", z->name, what, applet_sw_text(sw), sw);
    if ((sw & 0xfff0U) == SW_TRIES || sw == SW_BLOCKED)
        return ZEGEL_ERR_PIN;
    return sw == SW_EXISTS ? ZEGEL_ERR_EXISTS : sw == SW_NOT_FOUND ? ZEGEL_ERR_NOT_FOUND : ZEGEL_ERR_REFUSED;
}

/* ---- keys */

int zegeltoken_admin(const struct zegeltoken *z, const struct cmd_options *o, struct buf *why)
{
    struct buf pin = BUF_INIT;
    if (o->so_pin_file == NULL) {
        buf_addf(why, "token %s: --so-pin-file is needed: only the administrator of a Zegel token makes or deletes keys",
                 z->name);
        return ZEGEL_ERR_USAGE;
    }
    int err = cmd_read_secret_file(o->so_pin_file, &pin, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_said(z, "the administrator's PIN", applet_verify(&z->applet, ADMIN, span_of(pin.data, pin.len)), why);
    buf_free(&pin);
    return err;
}

void zegeltoken_admin_end(const struct zegeltoken *z)
{
    (void)applet_forget(&z->applet, ADMIN);
}

/* A number from the command line, 0 when it is not there. */
static bool number_of(const char *text, unsigned long max, uint32_t *out)
{
    char *end = NULL;
    unsigned long v = text == NULL ? 0 : strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return text == NULL || (text[0] >= '0' && text[0] <= '9' && *end == '\0' && v <= max);
}

static bool binding_of(const struct cmd_options *o, unsigned bits, struct applet_key *k)
{
    const char *policy = o->policy == NULL ? policies[APPLET_DKIM_ONLY] : o->policy;
    *k = (struct applet_key){.bits = bits, .flags = (o->strict ? APPLET_STRICT : 0) | (o->may_leave ? APPLET_MAY_LEAVE : 0)};
    for (unsigned i = APPLET_DKIM_ONLY; i <= APPLET_BLIND; i++)
        if (strcmp(policy, policies[i]) == 0)
            k->policy = i;
    for (size_t i = 0; o->domain[i] != '\0' && i + 1 < sizeof k->domain; i++)
        k->domain[i] = (char)ascii_lower((uint8_t)o->domain[i]);
    for (size_t i = 0; o->selector[i] != '\0' && i + 1 < sizeof k->selector; i++)
        k->selector[i] = (char)ascii_lower((uint8_t)o->selector[i]);
    return k->policy != 0 && number_of(o->rate, RATE_MAX, &k->rate) && number_of(o->daily_cap, UINT32_MAX, &k->daily_cap);
}

int zegeltoken_free_number(const struct zegeltoken *z, struct applet_key *k, struct buf *why)
{
    struct applet_info info = {0};
    struct applet_key other = {0};
    int err = zegeltoken_said(z, "looking at it", applet_info(&z->applet, &info), why);
    k->number = OWN_FIRST;
    for (size_t i = 0; err == ZEGEL_OK && i < info.count; i++) {
        err = zegeltoken_said(z, "looking at its keys", applet_key_info(&z->applet, info.numbers[i], &other), why);
        if (err == ZEGEL_OK && strcmp(other.domain, k->domain) == 0 && strcmp(other.selector, k->selector) == 0) {
            buf_addf(why, "%s/%s: exists on token %s; a selector is never used twice, choose another", k->domain, k->selector,
                     z->name);
            err = ZEGEL_ERR_EXISTS;
        }
        if (info.numbers[i] == k->number)
            k->number++; /* they come in order */
    }
    if (err == ZEGEL_OK && k->number > OWN_LAST) {
        buf_addf(why, "token %s: has no room for another key", z->name);
        err = ZEGEL_ERR_TOO_BIG;
    }
    return err;
}

int zegeltoken_generate(struct zegeltoken *z, const struct cmd_options *o, unsigned bits, struct buf *why)
{
    struct applet_key k = {0};
    if (!binding_of(o, bits, &k)) {
        buf_addf(why, "--policy is dkim-only, ticket or blind; --rate at most %d a minute; --daily-cap a number", RATE_MAX);
        return ZEGEL_ERR_USAGE;
    }
    int err = zegeltoken_free_number(z, &k, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_admin(z, o, why);
    if (err != ZEGEL_OK)
        return err;
    err = zegeltoken_said(z, "making a key", applet_create(&z->applet, &k), why);
    zegeltoken_admin_end(z);
    return err;
}

static int number_by_id(const struct zegeltoken *z, const uint8_t *id, size_t id_len, uint8_t *number, struct buf *why)
{
    struct applet_info info = {0};
    struct applet_key k = {0};
    int err = zegeltoken_said(z, "looking at it", applet_info(&z->applet, &info), why);
    for (size_t i = 0; err == ZEGEL_OK && i < info.count; i++) {
        err = zegeltoken_said(z, "looking at its keys", applet_key_info(&z->applet, info.numbers[i], &k), why);
        if (err == ZEGEL_OK && id_len == sizeof k.id && memcmp(k.id, id, sizeof k.id) == 0) {
            *number = k.number;
            return ZEGEL_OK;
        }
    }
    if (err == ZEGEL_OK)
        buf_addf(why, "token %s: has no key of that id", z->name);
    return err == ZEGEL_OK ? ZEGEL_ERR_KEY_GONE : err;
}

int zegeltoken_destroy(struct zegeltoken *z, const struct cmd_options *o, const uint8_t *id, size_t id_len, struct buf *why)
{
    uint8_t number = 0;
    int err = number_by_id(z, id, id_len, &number, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_admin(z, o, why);
    if (err != ZEGEL_OK)
        return err;
    err = zegeltoken_said(z, "deleting the key", applet_delete(&z->applet, number), why);
    zegeltoken_admin_end(z);
    return err;
}

/* ---- attestation */

static bool holds(const struct applet_statement *s, const uint8_t device[32])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, device, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, s->signature, sizeof s->signature, s->statement, s->len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

int zegeltoken_attest(const struct zegeltoken *z, uint8_t number, const uint8_t device[32], struct applet_statement *out,
                      struct buf *why)
{
    uint8_t nonce[APPLET_NONCE];
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return ZEGEL_ERR_SYSTEM;
    int err = zegeltoken_said(z, "its statement", applet_attest(&z->applet, number, nonce, out), why);
    if (err == ZEGEL_OK && !holds(out, device)) {
        buf_addf(why, "token %s: its statement is not signed by its attestation key", z->name);
        err = ZEGEL_ERR_BAD_SIGNATURE;
    }
    return err;
}

int zegeltoken_vouches(const struct zegeltoken *z, const uint8_t *id, size_t id_len, struct buf *why)
{
    static struct applet_statement s;
    struct applet_info info = {0};
    uint8_t number = 0;
    int err = number_by_id(z, id, id_len, &number, why);
    if (err == ZEGEL_OK)
        err = zegeltoken_said(z, "looking at it", applet_info(&z->applet, &info), why);
    if (err == ZEGEL_OK)
        err = zegeltoken_attest(z, number, info.attestation, &s, why);
    if (err == ZEGEL_OK && memcmp(s.key.id, id, sizeof s.key.id) != 0) {
        buf_addf(why, "token %s: its statement is about another key", z->name);
        err = ZEGEL_ERR_BAD_SIGNATURE;
    }
    return err;
}

/* ---- info */

static json_t *hex(const uint8_t *data, size_t len)
{
    char text[2 * APPLET_PUBLIC_MAX + 1];
    bytes_hex(bytes_of(data, len), text);
    return json_stringn(text, 2 * len);
}

static json_t *describe_key(const struct applet_key *k)
{
    json_t *j =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:o}", "number", k->number, "algorithm",
                  k->bits == 0      ? "ed25519"
                  : k->bits == 2048 ? "rsa2048"
                  : k->bits == 3072 ? "rsa3072"
                                    : "rsa4096",
                  "policy", zegeltoken_policy_name(k->policy), "domain", k->domain, "selector", k->selector, "strict_alignment",
                  (k->flags & APPLET_STRICT) != 0, "may_leave_wrapped", (k->flags & APPLET_MAY_LEAVE) != 0, "generated_here",
                  k->generated, "rate_a_minute", (json_int_t)k->rate, "daily_cap", (json_int_t)k->daily_cap, "signatures",
                  (json_int_t)k->signatures, "today", (json_int_t)k->today, "id", hex(k->id, sizeof k->id));
    return j;
}

int zegeltoken_describe(const struct zegeltoken *z, json_t *j, struct buf *why)
{
    static struct applet_statement s;
    struct applet_info info = {0};
    json_t *keys = json_array();
    int err = zegeltoken_said(z, "looking at it", applet_info(&z->applet, &info), why);
    for (size_t i = 0; err == ZEGEL_OK && i < info.count; i++) {
        err = zegeltoken_attest(z, info.numbers[i], info.attestation, &s, why);
        if (err == ZEGEL_OK)
            (void)json_array_append_new(keys, describe_key(&s.key));
    }
    if (err == ZEGEL_OK)
        err = zegeltoken_attest(z, 0, info.attestation, &s, why);
    if (err == ZEGEL_OK) {
        (void)json_object_set_new(j, "firmware", json_string(info.version));
        (void)json_object_set_new(j, "port", json_string(info.port));
        (void)json_object_set_new(j, "development_seed", json_boolean(info.development));
        (void)json_object_set_new(j, "boots", json_integer((json_int_t)info.boots));
        (void)json_object_set_new(j, "attestation_key", hex(info.attestation, sizeof info.attestation));
        (void)json_object_set_new(j, "attested", json_true());
        (void)json_object_set_new(j, "log_number", json_integer((json_int_t)s.log_number));
        (void)json_object_set_new(j, "log_head", hex(s.log_head, sizeof s.log_head));
        (void)json_object_set(j, "keys", keys);
    }
    json_decref(keys);
    return err;
}
