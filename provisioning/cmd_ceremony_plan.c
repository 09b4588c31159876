#include "cmd_ceremony_plan.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "ceremony/store.h"
#include "ceremony/transcript.h"
#include "dkim/domain.h"
#include "pkcs11/token.h"

enum { CERTIFICATE_MAX = 16384 };

/* A YAML double-quoted scalar; control characters were refused before. */
static void quoted(struct buf *yaml, const char *text)
{
    buf_add_u8(yaml, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_u8(yaml, '\\');
        buf_add_u8(yaml, (uint8_t)((unsigned char)*text < ' ' ? '?' : *text));
    }
    buf_add_u8(yaml, '"');
}

static void field(struct buf *yaml, const char *name, const char *value)
{
    buf_addf(yaml, "%s: ", name);
    quoted(yaml, value);
    buf_add_u8(yaml, '\n');
}

/* NAME=FILE → name and certificate; lines after the first are indented. */
int ceremony_plan_person(struct buf *yaml, const char *indent, const char *text, struct buf *why)
{
    const char *equals = text == NULL ? NULL : strchr(text, '=');
    struct buf pem = BUF_INIT;
    int err = equals == NULL ? ZEGEL_ERR_USAGE : io_read_file(equals + 1, CERTIFICATE_MAX, &pem, why);
    if (equals == NULL)
        buf_addf(why, "%s: people are given as NAME=CERTIFICATE.pem", text == NULL ? "somebody is missing" : text);
    X509 *x = err == ZEGEL_OK ? plan_certificate(buf_cstr(&pem)) : NULL;
    if (err == ZEGEL_OK && x == NULL) {
        buf_addf(why, "%s: holds no certificate, or more than one", equals + 1);
        err = ZEGEL_ERR_USAGE;
    }
    if (err == ZEGEL_OK) {
        buf_addf(yaml, "name: %.*s\n%scertificate: |\n", (int)(equals - text), text, indent);
        struct bytes rest = buf_bytes(&pem);
        while (rest.len > 0) {
            size_t end = bytes_find(rest, '\n');
            buf_addf(yaml, "%s  %.*s\n", indent, (int)end, (const char *)rest.data);
            rest = bytes_slice(rest, end + 1, rest.len);
        }
    }
    X509_free(x);
    buf_free(&pem);
    return err;
}

static bool is_algorithm(const char *name)
{
    for (enum plan_algorithm a = PLAN_RSA2048; a <= PLAN_ED25519; a++)
        if (strcmp(plan_algorithm_name(a), name) == 0)
            return true;
    return false;
}

/* DOMAIN/SELECTOR:ALGORITHM[:SPKI-SHA256] */
int ceremony_plan_key(struct buf *yaml, const char *text, struct buf *why)
{
    char domain[254], selector[254], algorithm[16], print[65] = "";
    int n = sscanf(text, "%253[^/]/%253[^:]:%15[^:]:%64s", domain, selector, algorithm, print);
    if (n < 3 || !is_algorithm(algorithm)) {
        buf_addf(why,
                 "--key %s: is not DOMAIN/SELECTOR:ALGORITHM, or for a key that is there DOMAIN/SELECTOR:ALGORITHM:SPKI-SHA256",
                 text);
        return ZEGEL_ERR_USAGE;
    }
    if (!domain_is_valid(bytes_str(domain)) || !domain_is_valid(bytes_str(selector))) {
        buf_addf(why, "--key %s: %s/%s is no name in DNS", text, domain, selector);
        return ZEGEL_ERR_USAGE;
    }
    buf_add_str(yaml, "  - ");
    field(yaml, "domain", domain);
    field(yaml, "    selector", selector);
    buf_addf(yaml, "    algorithm: %s\n", algorithm);
    if (n == 4)
        buf_addf(yaml, "    spki-sha256: \"%s\"\n", print);
    return ZEGEL_OK;
}

/* A token's section, as what is plugged in says; each line indented. */
int ceremony_plan_token(struct buf *yaml, const char *indent, const char *module, const char *label, struct buf *why)
{
    char hash[CANON_HEX], serial[17];
    struct buf uri = BUF_INIT;
    struct module *m = NULL;
    struct token *t = NULL;
    buf_add_str(&uri, "pkcs11:token=");
    for (const char *c = label; *c != '\0'; c++)
        buf_addf(&uri, "%%%02x", (unsigned)(unsigned char)*c);
    struct token_config cfg = {.name = label, .uri = buf_cstr(&uri), .sessions = 1};
    int err = store_hash(module, hash, why);
    if (err == ZEGEL_OK)
        err = module_open(module, hash, &m, why);
    if (err == ZEGEL_OK)
        err = token_open(m, &cfg, &t, why);
    if (err == ZEGEL_OK) {
        memcpy(serial, t->info.serialNumber, 16);
        serial[16] = '\0';
        for (size_t n = 16; n > 0 && serial[n - 1] == ' '; n--)
            serial[n - 1] = '\0';
        const char *fields[][2] = {{"label", label}, {"serial", serial}, {"module", module}, {"module-sha256", hash}};
        buf_addf(yaml, "%stoken:\n", indent);
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            buf_addf(yaml, "%s  ", indent);
            field(yaml, fields[i][0], fields[i][1]);
        }
    }
    token_close(t);
    module_close(m);
    buf_free(&uri);
    return err;
}

static int backup_section(struct buf *yaml, const struct plan_flags *f, struct buf *why)
{
    buf_addf(yaml, "backup:\n  rule: %s\n", f->backup_label == NULL ? "none" : f->backup_dkek != NULL ? "dkek" : "wrap");
    field(yaml, "  reason", f->backup_reason);
    buf_addf(yaml, "  restored: %s\n", f->backup_restored);
    if (f->backup_dkek != NULL)
        field(yaml, "  dkek", f->backup_dkek);
    if (f->backup_label == NULL)
        return ZEGEL_OK;
    return ceremony_plan_token(yaml, "  ", f->backup_module != NULL ? f->backup_module : f->module, f->backup_label, why);
}

static int head_section(struct buf *yaml, const struct plan_flags *f, struct buf *why)
{
    uint8_t nonce[32];
    char from[21], to[21], tool[CANON_HEX], previous[CANON_HEX] = PLAN_NO_PREVIOUS;
    int64_t now = clock_wall_s();
    struct buf manifest = BUF_INIT;
    int err = RAND_bytes(nonce, sizeof nonce) == 1 ? store_hash("/proc/self/exe", tool, why) : ZEGEL_ERR_SYSTEM;
    if (err == ZEGEL_OK && f->previous != NULL && (err = store_read(f->previous, MANIFEST_FILE, &manifest, why)) == ZEGEL_OK)
        canon_hash(buf_bytes(&manifest), previous);
    plan_time_text(now, from);
    plan_time_text(now + strtol(f->days, NULL, 10) * 86400, to);
    buf_addf(yaml, "format: " PLAN_FORMAT "\naction: %s\nserial: %s\nnonce: \"", f->action, f->serial);
    for (size_t i = 0; i < sizeof nonce; i++)
        buf_addf(yaml, "%02x", nonce[i]);
    buf_add_str(yaml, "\"\n");
    field(yaml, "organisation", f->organisation);
    field(yaml, "not-before", from);
    field(yaml, "not-after", to);
    field(yaml, "tool-sha256", tool);
    field(yaml, "previous", previous);
    buf_free(&manifest);
    return err;
}

int ceremony_plan_yaml(const struct plan_flags *f, struct buf *yaml, struct buf *why)
{
    const struct {
        const char *role, *who;
    } others[] = {{"administrator", f->administrator},
                  {"dns-operator", f->dns_operator},
                  {"witness", f->witness},
                  {"transcript", f->transcript}};
    buf_add_str(yaml, "# The plan of a key ceremony. No secrets. Rules: zegel ceremony lint\n");
    int err = head_section(yaml, f, why);
    if (err == ZEGEL_OK)
        err = ceremony_plan_token(yaml, "", f->module, f->label, why);
    buf_add_str(yaml, "keys:\n");
    for (size_t i = 0; i < f->keys_count && err == ZEGEL_OK; i++)
        err = ceremony_plan_key(yaml, f->keys[i], why);
    buf_add_str(yaml, "template: # of each private key, read back from the token\n  CKA_SIGN: true\n  CKA_SENSITIVE: true\n"
                      "  CKA_EXTRACTABLE: false\n  CKA_MODIFIABLE: false\n  CKA_COPYABLE: false\n  CKA_DECRYPT: false\n"
                      "  CKA_UNWRAP: false\n  CKA_DERIVE: false\n  CKA_SIGN_RECOVER: false\n");
    if (err == ZEGEL_OK)
        err = backup_section(yaml, f, why);
    buf_addf(yaml, "timing:\n  publish-wait: 24h\n  active-max: 180d\n  retired-keep: 14d\nthreshold: %s\ncustodians:\n",
             f->threshold);
    for (size_t i = 0; i < f->custodians_count && err == ZEGEL_OK; i++) {
        buf_add_str(yaml, "  - ");
        err = ceremony_plan_person(yaml, "    ", f->custodians[i], why);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0] && err == ZEGEL_OK; i++) {
        buf_addf(yaml, "%s:\n  ", others[i].role);
        err = ceremony_plan_person(yaml, "  ", others[i].who, why);
    }
    return err;
}
