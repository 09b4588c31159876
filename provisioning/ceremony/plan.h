/* plan: what a ceremony will do, decided before anybody sits down. plan.yaml is for people; its compiled form, canonical
 * JSON, is what is hashed, approved and signed. It holds no secret. */
#ifndef ZEGEL_CEREMONY_PLAN_H
#define ZEGEL_CEREMONY_PLAN_H

#include <openssl/x509.h>

#include "ceremony/canon.h"

#define PLAN_FORMAT "zegel-ceremony-1"
enum { PLAN_DKEK_LEN = 16 };
/* `previous` of a token's first ceremony. */
#define PLAN_NO_PREVIOUS "0000000000000000000000000000000000000000000000000000000000000000"

/* Activation and retirement are permissions: response.json says which key may sign from now on, or no more (authority.h). */
enum plan_action { PLAN_GENERATE, PLAN_ACTIVATE, PLAN_RETIRE, PLAN_DESTROY };
enum plan_algorithm { PLAN_RSA2048, PLAN_RSA3072, PLAN_RSA4096, PLAN_ED25519 };

struct plan_person {
    char *name;        /* a-z, 0-9, hyphen: also names the file of the approval */
    char *certificate; /* PEM; pinned, no CA is trusted */
};

struct plan_key {
    char *domain, *selector;
    enum plan_algorithm algorithm;
    char *spki_sha256; /* which key it is about; NULL when one is generated */
};

/* CKA booleans of the private key; each is written out in the plan, read back from the token and compared. */
struct plan_template {
    bool sign, sensitive, extractable, modifiable, copyable, decrypt, unwrap, derive, sign_recover;
};

struct plan_token {
    char *label, *serial, *module, *module_sha256;
};

struct plan_timing { /* config_duration_ms */
    char *publish_wait, *active_max, *retired_keep;
};

/* none: there is one copy of each key. wrap: the key may leave, once, encrypted to a second token, and is tried there; then it
 * can no longer leave. dkek: both tokens are SmartCard-HSMs that share a Device Key Encryption Key (dkek.h). */
enum plan_backup_rule { PLAN_BACKUP_NONE, PLAN_BACKUP_WRAP, PLAN_BACKUP_DKEK };
/* What becomes of the restored key when it was tried: it stays on the second token, or goes, and the encrypted file remains. */
enum plan_restored { PLAN_RESTORED_DESTROY, PLAN_RESTORED_KEEP };

struct plan_backup {
    enum plan_backup_rule rule;
    char *reason;
    enum plan_restored restored;
    struct plan_token *token; /* the second; NULL with none */
    char *dkek;               /* its key check value, PLAN_DKEK_LEN hex digits; NULL but with dkek */
};

struct plan {
    char *format;
    enum plan_action action;
    unsigned serial;
    char *nonce, *organisation, *not_before, *not_after; /* RFC 3339, UTC: 2026-11-24T12:00:00Z */
    struct plan_token token;
    char *tool_sha256, *previous;
    struct plan_key *keys;
    unsigned keys_count;
    struct plan_template template;
    struct plan_backup backup;
    struct plan_timing timing;
    unsigned threshold;
    struct plan_person *custodians;
    unsigned custodians_count;
    struct plan_person administrator, dns_operator, witness, transcript;
};

/* Strict: an unknown key, a wrong type or a missing one is ZEGEL_ERR_CONFIG with FILE:LINE. JSON is YAML: reads both forms. */
int plan_parse(const char *name, struct bytes yaml, struct plan **out, struct buf *why);
void plan_free(struct plan *p);
/* The compiled form. */
int plan_compile(const struct plan *p, struct buf *json);
/* The policy, rule by rule: the first broken one as "P07: ..." in `why`, ZEGEL_ERR_REFUSED. */
int plan_lint(const struct plan *p, struct buf *why);
/* What the policy permits and people should know before they approve: "W1: ..." one a line; nothing when all is plain. */
void plan_warnings(const struct plan *p, struct buf *out);
/* "P01 ..." one rule a line. */
void plan_rules(struct buf *out);
/* Is the plan valid at this second? */
int plan_check_time(const struct plan *p, int64_t now_s, struct buf *why);

const char *plan_action_name(enum plan_action a);
const char *plan_backup_name(enum plan_backup_rule r);
const char *plan_algorithm_name(enum plan_algorithm a);
/* Of an RSA modulus; 256 for Ed25519. */
unsigned plan_algorithm_bits(enum plan_algorithm a);
/* Custodian of that name, or NULL. */
const struct plan_person *plan_custodian(const struct plan *p, const char *name);
/* DOMAIN/SELECTOR */
void plan_label(const struct plan_key *k, struct buf *out);
/* The one certificate of a PEM text, or NULL. The caller frees. */
X509 *plan_certificate(const char *pem);
/* Seconds since 1970 of an RFC 3339 UTC time, -1 when it is none. */
int64_t plan_time(const char *text);
/* The other way. */
void plan_time_text(int64_t s, char out[21]);

#endif
