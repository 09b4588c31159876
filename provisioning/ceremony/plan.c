#include "ceremony/plan.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "config/yaml.h"

#define TEXT(name, type, field, max) CYAML_FIELD_STRING_PTR(name, CYAML_FLAG_POINTER, type, field, 1, max)
#define BOOLEAN(name, field) YAML_YES_NO(name, CYAML_FLAG_DEFAULT, struct plan_template, field)

static const cyaml_strval_t actions[] = {
    {"generate", PLAN_GENERATE}, {"activate", PLAN_ACTIVATE}, {"retire", PLAN_RETIRE}, {"destroy", PLAN_DESTROY}};
static const cyaml_strval_t algorithms[] = {
    {"rsa2048", PLAN_RSA2048}, {"rsa3072", PLAN_RSA3072}, {"rsa4096", PLAN_RSA4096}, {"ed25519", PLAN_ED25519}};

static const cyaml_schema_field_t person_fields[] = {
    TEXT("name", struct plan_person, name, 32),
    TEXT("certificate", struct plan_person, certificate, 16384),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t person = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_person, person_fields)};

static const cyaml_schema_field_t key_fields[] = {
    TEXT("domain", struct plan_key, domain, 253),
    TEXT("selector", struct plan_key, selector, 63),
    CYAML_FIELD_ENUM("algorithm", CYAML_FLAG_STRICT, struct plan_key, algorithm, algorithms, 4),
    CYAML_FIELD_STRING_PTR("spki-sha256", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct plan_key, spki_sha256, 64, 64),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t key = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_key, key_fields)};

static const cyaml_schema_field_t token_fields[] = {
    TEXT("label", struct plan_token, label, 32),
    TEXT("serial", struct plan_token, serial, 16),
    TEXT("module", struct plan_token, module, 4096),
    TEXT("module-sha256", struct plan_token, module_sha256, 64),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t template_fields[] = {
    BOOLEAN("CKA_SIGN", sign),
    BOOLEAN("CKA_SENSITIVE", sensitive),
    BOOLEAN("CKA_EXTRACTABLE", extractable),
    BOOLEAN("CKA_MODIFIABLE", modifiable),
    BOOLEAN("CKA_COPYABLE", copyable),
    BOOLEAN("CKA_DECRYPT", decrypt),
    BOOLEAN("CKA_UNWRAP", unwrap),
    BOOLEAN("CKA_DERIVE", derive),
    BOOLEAN("CKA_SIGN_RECOVER", sign_recover),
    CYAML_FIELD_END,
};

static const cyaml_strval_t backup_rules[] = {{"none", PLAN_BACKUP_NONE}, {"wrap", PLAN_BACKUP_WRAP}, {"dkek", PLAN_BACKUP_DKEK}};
static const cyaml_strval_t restored[] = {{"destroy", PLAN_RESTORED_DESTROY}, {"keep", PLAN_RESTORED_KEEP}};

static const cyaml_schema_field_t backup_fields[] = {
    CYAML_FIELD_ENUM("rule", CYAML_FLAG_STRICT, struct plan_backup, rule, backup_rules, 3),
    TEXT("reason", struct plan_backup, reason, 400),
    CYAML_FIELD_ENUM("restored", CYAML_FLAG_STRICT, struct plan_backup, restored, restored, 2),
    CYAML_FIELD_MAPPING_PTR("token", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct plan_backup, token, token_fields),
    CYAML_FIELD_STRING_PTR("dkek", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct plan_backup, dkek, PLAN_DKEK_LEN,
                           PLAN_DKEK_LEN),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t timing_fields[] = {
    TEXT("publish-wait", struct plan_timing, publish_wait, 16),
    TEXT("active-max", struct plan_timing, active_max, 16),
    TEXT("retired-keep", struct plan_timing, retired_keep, 16),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t plan_fields[] = {
    TEXT("format", struct plan, format, 32),
    CYAML_FIELD_ENUM("action", CYAML_FLAG_STRICT, struct plan, action, actions, 4),
    CYAML_FIELD_UINT("serial", CYAML_FLAG_DEFAULT, struct plan, serial),
    TEXT("nonce", struct plan, nonce, 64),
    TEXT("organisation", struct plan, organisation, 200),
    TEXT("not-before", struct plan, not_before, 20),
    TEXT("not-after", struct plan, not_after, 20),
    CYAML_FIELD_MAPPING("token", CYAML_FLAG_DEFAULT, struct plan, token, token_fields),
    TEXT("tool-sha256", struct plan, tool_sha256, 64),
    TEXT("previous", struct plan, previous, 64),
    CYAML_FIELD_SEQUENCE("keys", CYAML_FLAG_POINTER, struct plan, keys, &key, 1, 64),
    CYAML_FIELD_MAPPING("template", CYAML_FLAG_DEFAULT, struct plan, template, template_fields),
    CYAML_FIELD_MAPPING("backup", CYAML_FLAG_DEFAULT, struct plan, backup, backup_fields),
    CYAML_FIELD_MAPPING("timing", CYAML_FLAG_DEFAULT, struct plan, timing, timing_fields),
    CYAML_FIELD_UINT("threshold", CYAML_FLAG_DEFAULT, struct plan, threshold),
    CYAML_FIELD_SEQUENCE("custodians", CYAML_FLAG_POINTER, struct plan, custodians, &person, 1, 16),
    CYAML_FIELD_MAPPING("administrator", CYAML_FLAG_DEFAULT, struct plan, administrator, person_fields),
    CYAML_FIELD_MAPPING("dns-operator", CYAML_FLAG_DEFAULT, struct plan, dns_operator, person_fields),
    CYAML_FIELD_MAPPING("witness", CYAML_FLAG_DEFAULT, struct plan, witness, person_fields),
    CYAML_FIELD_MAPPING("transcript", CYAML_FLAG_DEFAULT, struct plan, transcript, person_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct plan, plan_fields)};

/* ---- reading ---- */

int plan_parse(const char *name, struct bytes yaml, struct plan **out, struct buf *why)
{
    struct yaml_complaint complaint;
    cyaml_config_t cfg = yaml_config(&complaint);
    *out = NULL;
    cyaml_err_t e = yaml.len == 0 ? CYAML_ERR_BAD_PARAM_NULL_DATA
                                  : cyaml_load_data(yaml.data, yaml.len, &cfg, &schema, (cyaml_data_t **)out, NULL);
    if (e == CYAML_OK && *out != NULL)
        return ZEGEL_OK;
    yaml_explain(name, &complaint, e, why);
    plan_free(*out);
    *out = NULL;
    return ZEGEL_ERR_CONFIG;
}

void plan_free(struct plan *p)
{
    struct yaml_complaint ignored;
    cyaml_config_t cfg = yaml_config(&ignored);
    if (p != NULL)
        (void)cyaml_free(&cfg, &schema, p, 0);
}

/* ---- compiling ---- */

static json_t *of_person(const struct plan_person *p)
{
    return json_pack("{s:s, s:s}", "name", p->name, "certificate", p->certificate);
}

static json_t *of_template(const struct plan_template *t)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "CKA_SIGN", t->sign, "CKA_SENSITIVE", t->sensitive,
                     "CKA_EXTRACTABLE", t->extractable, "CKA_MODIFIABLE", t->modifiable, "CKA_COPYABLE", t->copyable,
                     "CKA_DECRYPT", t->decrypt, "CKA_UNWRAP", t->unwrap, "CKA_DERIVE", t->derive, "CKA_SIGN_RECOVER",
                     t->sign_recover);
}

static json_t *of_token(const struct plan_token *t)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "label", t->label, "serial", t->serial, "module", t->module, "module-sha256",
                     t->module_sha256);
}

static json_t *of_backup(const struct plan_backup *b)
{
    json_t *j = json_pack("{s:s, s:s, s:s}", "rule", plan_backup_name(b->rule), "reason", b->reason, "restored",
                          restored[b->restored].str);
    if (b->token != NULL)
        (void)json_object_set_new(j, "token", of_token(b->token));
    if (b->dkek != NULL)
        (void)json_object_set_new(j, "dkek", json_string(b->dkek));
    return j;
}

static json_t *of_keys(const struct plan *p)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < p->keys_count; i++) {
        const struct plan_key *k = &p->keys[i];
        json_t *j = json_pack("{s:s, s:s, s:s}", "domain", k->domain, "selector", k->selector, "algorithm",
                              plan_algorithm_name(k->algorithm));
        if (k->spki_sha256 != NULL)
            (void)json_object_set_new(j, "spki-sha256", json_string(k->spki_sha256));
        (void)json_array_append_new(all, j);
    }
    return all;
}

int plan_compile(const struct plan *p, struct buf *json)
{
    json_t *people = json_array();
    for (unsigned i = 0; i < p->custodians_count; i++)
        (void)json_array_append_new(people, of_person(&p->custodians[i]));
    json_t *j = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s, s:s}, s:I, s:o, s:o, s:o, s:o, s:o}",
        "format", p->format, "action", plan_action_name(p->action), "serial", (json_int_t)p->serial, "nonce", p->nonce,
        "organisation", p->organisation, "not-before", p->not_before, "not-after", p->not_after, "token", of_token(&p->token),
        "tool-sha256", p->tool_sha256, "previous", p->previous, "keys", of_keys(p), "template", of_template(&p->template),
        "backup", of_backup(&p->backup), "timing", "publish-wait", p->timing.publish_wait, "active-max", p->timing.active_max,
        "retired-keep", p->timing.retired_keep, "threshold", (json_int_t)p->threshold, "custodians", people, "administrator",
        of_person(&p->administrator), "dns-operator", of_person(&p->dns_operator), "witness", of_person(&p->witness),
        "transcript", of_person(&p->transcript));
    bool ok = j != NULL && canon_json(j, json);
    json_decref(j);
    return ok ? ZEGEL_OK : ZEGEL_ERR_FORMAT;
}

/* ---- small things ---- */

const char *plan_action_name(enum plan_action a)
{
    return actions[a].str;
}

const char *plan_backup_name(enum plan_backup_rule r)
{
    return backup_rules[r].str;
}

const char *plan_algorithm_name(enum plan_algorithm a)
{
    return algorithms[a].str;
}

unsigned plan_algorithm_bits(enum plan_algorithm a)
{
    static const unsigned bits[] = {[PLAN_RSA2048] = 2048, [PLAN_RSA3072] = 3072, [PLAN_RSA4096] = 4096, [PLAN_ED25519] = 256};
    return bits[a];
}

const struct plan_person *plan_custodian(const struct plan *p, const char *name)
{
    for (unsigned i = 0; i < p->custodians_count; i++)
        if (strcmp(p->custodians[i].name, name) == 0)
            return &p->custodians[i];
    return NULL;
}

void plan_label(const struct plan_key *k, struct buf *out)
{
    buf_clear(out);
    buf_addf(out, "%s/%s", k->domain, k->selector);
}

X509 *plan_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL), *second = x == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (second != NULL) {
        X509_free(x);
        x = NULL;
    }
    X509_free(second);
    BIO_free(bio);
    return x;
}

int64_t plan_time(const char *text)
{
    struct tm tm = {0};
    char again[21];
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL || *end != '\0')
        return -1;
    int64_t s = timegm(&tm);
    plan_time_text(s, again);
    return strcmp(again, text) == 0 ? s : -1; /* 31 February, one-digit hours */
}

void plan_time_text(int64_t s, char out[21])
{
    struct tm tm;
    time_t t = (time_t)s;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) != 20)
        out[0] = '\0';
}
