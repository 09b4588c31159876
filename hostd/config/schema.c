#include "config/schema.h"

#include "config/yaml.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_strval_t algorithms[] = {
    {"rsa-sha256", CONFIG_RSA_SHA256},
    {"ed25519-sha256", CONFIG_ED25519_SHA256},
};

static const cyaml_strval_t on_failures[] = {
    {"tempfail", CONFIG_TEMPFAIL},
    {"pass-unsigned", CONFIG_PASS_UNSIGNED},
};

static const cyaml_strval_t survives[] = {
    {"warn", CONFIG_SURVIVE_WARN},
    {"refuse", CONFIG_SURVIVE_REFUSE},
    {"off", CONFIG_SURVIVE_OFF},
};

static const cyaml_strval_t paths[] = {{"8bit", false}, {"7bit", true}};

static const cyaml_strval_t profiles[] = {
    {"auto", CONFIG_PROFILE_AUTO},
    {"local", CONFIG_PROFILE_LOCAL},
    {"pcsc", CONFIG_PROFILE_PCSC},
    {"network", CONFIG_PROFILE_NETWORK},
};

static const cyaml_strval_t landlocks[] = {{"required", false}, {"optional", true}};

static const cyaml_strval_t key_audits[] = {{"strict", false}, {"warn", true}};

static const cyaml_schema_value_t text = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096)};

static const cyaml_schema_value_t field_name = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 77)}; /* with + or - */

static const cyaml_schema_field_t limits_fields[] = {
    CYAML_FIELD_STRING_PTR("key", OPTIONAL, struct config_limits, key, 1, 24),
    CYAML_FIELD_STRING_PTR("front-end", OPTIONAL, struct config_limits, front_end, 1, 24),
    CYAML_FIELD_STRING_PTR("domain", OPTIONAL, struct config_limits, domain, 1, 24),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t audit_fields[] = {
    CYAML_FIELD_STRING_PTR("key", OPTIONAL, struct config_audit, key, 1, 4096),
    CYAML_FIELD_STRING_PTR("origin", OPTIONAL, struct config_audit, origin, 1, 200),
    CYAML_FIELD_STRING_PTR("segment", OPTIONAL, struct config_audit, segment, 1, 16),
    CYAML_FIELD_STRING_PTR("keep", OPTIONAL, struct config_audit, keep, 1, 16),
    CYAML_FIELD_END,
};

static const cyaml_strval_t tsig_algorithms[] = {{"hmac-sha256", false}, {"hmac-sha512", true}};

static const cyaml_schema_field_t update_fields[] = {
    CYAML_FIELD_STRING_PTR("server", CYAML_FLAG_POINTER, struct config_update, server, 1, 64),
    CYAML_FIELD_STRING_PTR("port", OPTIONAL, struct config_update, port, 1, 5),
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct config_update, key, 1, 253),
    CYAML_FIELD_ENUM("algorithm", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config_update, sha512, tsig_algorithms, 2),
    CYAML_FIELD_STRING_PTR("secret", CYAML_FLAG_POINTER, struct config_update, secret, 1, 4096),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t dns_fields[] = {
    CYAML_FIELD_MAPPING("update", CYAML_FLAG_OPTIONAL, struct config_dns, update, update_fields),
    CYAML_FIELD_STRING_PTR("resolver", OPTIONAL, struct config_dns, resolver, 1, 4096),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t check_fields[] = {
    CYAML_FIELD_SEQUENCE("non-sending", OPTIONAL, struct config_check, non_sending, &text, 0, 1000000),
    CYAML_FIELD_STRING_PTR("explain", OPTIONAL, struct config_check, explain, 1, 4096),
    CYAML_FIELD_END,
};

static const cyaml_strval_t runs[] = {{"yes", false}, {"no", true}, {"true", false}, {"false", true}};

static const cyaml_schema_field_t status_fields[] = {
    CYAML_FIELD_ENUM("run", CYAML_FLAG_STRICT | CYAML_FLAG_CASE_INSENSITIVE | CYAML_FLAG_OPTIONAL, struct config_status, off,
                     runs, 4),
    CYAML_FIELD_SEQUENCE("listen", OPTIONAL, struct config_status, listen, &text, 0, 8),
    CYAML_FIELD_STRING_PTR("language", OPTIONAL, struct config_status, language, 2, 2),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t users_fields[] = {
    CYAML_FIELD_STRING_PTR("milter", OPTIONAL, struct config_users, milter, 1, 64),
    CYAML_FIELD_STRING_PTR("signer", OPTIONAL, struct config_users, signer, 1, 64),
    CYAML_FIELD_STRING_PTR("token", OPTIONAL, struct config_users, token, 1, 64),
    CYAML_FIELD_STRING_PTR("status", OPTIONAL, struct config_users, status, 1, 64),
    CYAML_FIELD_STRING_PTR("resolver", OPTIONAL, struct config_users, resolver, 1, 64),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sender_fields[] = {
    CYAML_FIELD_STRING_PTR("user", OPTIONAL, struct config_sender, user, 1, 320),
    CYAML_FIELD_STRING_PTR("envelope", OPTIONAL, struct config_sender, envelope, 1, 320),
    CYAML_FIELD_STRING_PTR("network", OPTIONAL, struct config_sender, network, 1, 64),
    CYAML_FIELD_SEQUENCE("domains", CYAML_FLAG_POINTER, struct config_sender, domains, &text, 1, 1000000),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t sender_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_sender, sender_fields)};

static const cyaml_schema_field_t front_end_fields[] = {
    CYAML_FIELD_STRING_PTR("listen", CYAML_FLAG_POINTER, struct config_front_end, listen, 1, 112),
    CYAML_FIELD_SEQUENCE("domains", OPTIONAL, struct config_front_end, domains, &text, 0, 1000000),
    CYAML_FIELD_SEQUENCE("trusted-networks", OPTIONAL, struct config_front_end, trusted_networks, &text, 0, 4096),
    YAML_YES_NO("verify", CYAML_FLAG_OPTIONAL, struct config_front_end, verify),
    CYAML_FIELD_STRING_PTR("authserv-id", OPTIONAL, struct config_front_end, authserv_id, 1, 253),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t prefer_fields[] = {
    CYAML_FIELD_STRING_PTR("module", CYAML_FLAG_POINTER, struct config_prefer, module, 1, 4096),
    CYAML_FIELD_STRING_PTR("module-sha256", OPTIONAL, struct config_prefer, module_sha256, 1, 64),
    CYAML_FIELD_STRING_PTR("token", CYAML_FLAG_POINTER, struct config_prefer, token, 1, 4096),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t token_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_token, name, 1, 64),
    CYAML_FIELD_STRING_PTR("module", CYAML_FLAG_POINTER, struct config_token, module, 1, 4096),
    CYAML_FIELD_STRING_PTR("module-sha256", OPTIONAL, struct config_token, module_sha256, 1, 64),
    CYAML_FIELD_STRING_PTR("token", CYAML_FLAG_POINTER, struct config_token, token, 1, 4096),
    CYAML_FIELD_MAPPING("prefer", CYAML_FLAG_OPTIONAL, struct config_token, prefer, prefer_fields),
    CYAML_FIELD_STRING_PTR("pin", CYAML_FLAG_POINTER, struct config_token, pin, 1, 4096),
    CYAML_FIELD_STRING_PTR("sessions", OPTIONAL, struct config_token, sessions, 1, 16),
    CYAML_FIELD_STRING_PTR("workers", OPTIONAL, struct config_token, workers, 1, 16),
    CYAML_FIELD_STRING_PTR("deadline", OPTIONAL, struct config_token, deadline, 1, 16),
    CYAML_FIELD_ENUM("profile", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config_token, profile, profiles, 4),
    CYAML_FIELD_SEQUENCE("read", OPTIONAL, struct config_token, read, &text, 0, 8),
    CYAML_FIELD_SEQUENCE("write", OPTIONAL, struct config_token, write, &text, 0, 8),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t key_fields[] = {
    CYAML_FIELD_STRING_PTR("selector", CYAML_FLAG_POINTER, struct config_key, selector, 1, 253),
    CYAML_FIELD_ENUM("algorithm", CYAML_FLAG_STRICT, struct config_key, algorithm, algorithms, 2),
    CYAML_FIELD_STRING_PTR("key", OPTIONAL, struct config_key, key, 1, 4096),
    CYAML_FIELD_STRING_PTR("since", OPTIONAL, struct config_key, since, 10, 10),
    CYAML_FIELD_STRING_PTR("until", OPTIONAL, struct config_key, until, 10, 10),
    CYAML_FIELD_STRING_PTR("wrapped-backup", OPTIONAL, struct config_key, wrapped_backup, 1, 64),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t key_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_key, key_fields)};

static const cyaml_strval_t publishes[] = {
    {"dns-update", CONFIG_PUBLISH_UPDATE}, {"manual", CONFIG_PUBLISH_MANUAL}, {"exec", CONFIG_PUBLISH_EXEC}};
static const cyaml_strval_t backups[] = {{"accepted", CONFIG_NO}, {"required", CONFIG_YES}};
static const cyaml_strval_t answers[] = {{"no", CONFIG_NO}, {"yes", CONFIG_YES}, {"false", CONFIG_NO}, {"true", CONFIG_YES}};
static const cyaml_strval_t makers[] = {{"token", CONFIG_NO}, {"ceremony", CONFIG_YES}};
static const cyaml_strval_t dnssecs[] = {{"required", CONFIG_NO}, {"optional", CONFIG_YES}};

#define CHOICE(name, member, words, count)                                                                                       \
    CYAML_FIELD_ENUM(name, CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config_rotation, member, words, count)

static const cyaml_schema_field_t rotation_fields[] = {
    CYAML_FIELD_SEQUENCE("keys", OPTIONAL, struct config_rotation, keys, &text, 1, 2),
    CYAML_FIELD_STRING_PTR("token", OPTIONAL, struct config_rotation, token, 1, 64),
    CYAML_FIELD_STRING_PTR("sample", OPTIONAL, struct config_rotation, times[ROTATION_SAMPLE], 1, 16),
    CYAML_FIELD_STRING_PTR("settle", OPTIONAL, struct config_rotation, times[ROTATION_SETTLE], 1, 16),
    CYAML_FIELD_STRING_PTR("visible", OPTIONAL, struct config_rotation, times[ROTATION_VISIBLE], 1, 16),
    CYAML_FIELD_STRING_PTR("active", OPTIONAL, struct config_rotation, times[ROTATION_ACTIVE], 1, 16),
    CYAML_FIELD_STRING_PTR("unused", OPTIONAL, struct config_rotation, times[ROTATION_UNUSED], 1, 16),
    CYAML_FIELD_STRING_PTR("destroy", OPTIONAL, struct config_rotation, times[ROTATION_DESTROY], 1, 16),
    CYAML_FIELD_STRING_PTR("revoke", OPTIONAL, struct config_rotation, times[ROTATION_REVOKE], 1, 16),
    CHOICE("publish", publish, publishes, 3),
    CYAML_FIELD_STRING_PTR("exec", OPTIONAL, struct config_rotation, exec, 1, 4096),
    CHOICE("backup", backup_required, backups, 2),
    CHOICE("approval", approval, answers, 4),
    CHOICE("made-by", ceremony, makers, 2),
    CHOICE("dnssec", insecure_allowed, dnssecs, 2),
    CYAML_FIELD_STRING_PTR("trust", OPTIONAL, struct config_rotation, trust, 1, 4096),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t active_fields[] = {
    CYAML_FIELD_STRING_PTR("domain", CYAML_FLAG_POINTER, struct config_active, domain, 1, 253),
    CYAML_FIELD_SEQUENCE("keys", CYAML_FLAG_POINTER, struct config_active, keys, &key_value, 1, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t active_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_active, active_fields)};
const cyaml_schema_value_t config_active_schema = {
    CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER, struct config_active, &active_value, 0, 1000000)};

static const cyaml_schema_field_t domain_fields[] = {
    CYAML_FIELD_STRING_PTR("domain", CYAML_FLAG_POINTER, struct config_domain, domain, 1, 253),
    YAML_YES_NO("subdomains", CYAML_FLAG_OPTIONAL, struct config_domain, subdomains),
    CYAML_FIELD_SEQUENCE("keys", OPTIONAL, struct config_domain, keys, &key_value, 1, 8),
    YAML_YES_NO("rotation", CYAML_FLAG_OPTIONAL, struct config_domain, rotation),
    CYAML_FIELD_MAPPING_PTR("rotation-policy", OPTIONAL, struct config_domain, rotates, rotation_fields),
    CYAML_FIELD_MAPPING_PTR("update", OPTIONAL, struct config_domain, update, update_fields),
    CYAML_FIELD_ENUM("on-failure", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config_domain, on_failure, on_failures, 2),
    CYAML_FIELD_ENUM("survive", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config_domain, survive, survives, 3),
    CYAML_FIELD_ENUM("path", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config_domain, seven_bit, paths, 2),
    CYAML_FIELD_STRING_PTR("canonicalization", OPTIONAL, struct config_domain, canonicalization, 1, 32),
    CYAML_FIELD_STRING_PTR("expire", OPTIONAL, struct config_domain, expire, 1, 16),
    CYAML_FIELD_STRING_PTR("identity", OPTIONAL, struct config_domain, identity, 1, 320),
    CYAML_FIELD_STRING_PTR("limit", OPTIONAL, struct config_domain, limit, 1, 24),
    CYAML_FIELD_SEQUENCE("sign-headers", OPTIONAL, struct config_domain, sign_headers, &field_name, 1, 64),
    CYAML_FIELD_SEQUENCE("oversign-headers", OPTIONAL, struct config_domain, oversign_headers, &field_name, 1, 64),
    CYAML_FIELD_SEQUENCE("oversign-present-headers", OPTIONAL, struct config_domain, oversign_present_headers, &field_name, 1,
                         64),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t token_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_token, token_fields)};
static const cyaml_schema_value_t domain_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_domain, domain_fields)};

static const cyaml_schema_value_t front_end_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_front_end, front_end_fields)};

static const cyaml_schema_field_t config_fields[] = {
    CYAML_FIELD_STRING_PTR("state", OPTIONAL, struct config, state, 1, 4096),
    CYAML_FIELD_SEQUENCE("tokens", CYAML_FLAG_POINTER, struct config, tokens, &token_value, 1, 64),
    CYAML_FIELD_SEQUENCE("listen", OPTIONAL, struct config, listen, &text, 0, 16),
    CYAML_FIELD_SEQUENCE("trusted-networks", OPTIONAL, struct config, trusted_networks, &text, 0, 4096),
    CYAML_FIELD_SEQUENCE("domains", OPTIONAL, struct config, domains, &domain_value, 0, 1000000),
    CYAML_FIELD_SEQUENCE("senders", OPTIONAL, struct config, senders, &sender_value, 0, 1000000),
    CYAML_FIELD_STRING_PTR("senders-table", OPTIONAL, struct config, senders_table, 1, 4096),
    CYAML_FIELD_SEQUENCE("front-ends", OPTIONAL, struct config, front_ends, &front_end_value, 0, 16),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct config, limits, limits_fields),
    CYAML_FIELD_ENUM("key-audit", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config, key_audit_warns, key_audits, 2),
    CYAML_FIELD_MAPPING("audit", CYAML_FLAG_OPTIONAL, struct config, audit, audit_fields),
    CYAML_FIELD_MAPPING("dns", CYAML_FLAG_OPTIONAL, struct config, dns, dns_fields),
    CYAML_FIELD_MAPPING("rotation", CYAML_FLAG_OPTIONAL, struct config, rotation, rotation_fields),
    CYAML_FIELD_SEQUENCE("nodes", OPTIONAL, struct config, nodes, &text, 1, 64),
    CYAML_FIELD_MAPPING("check", CYAML_FLAG_OPTIONAL, struct config, check, check_fields),
    CYAML_FIELD_MAPPING("status", CYAML_FLAG_OPTIONAL, struct config, status, status_fields),
    CYAML_FIELD_MAPPING("users", CYAML_FLAG_OPTIONAL, struct config, users, users_fields),
    CYAML_FIELD_ENUM("landlock", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct config, landlock_optional, landlocks, 2),
    CYAML_FIELD_STRING_PTR("log", OPTIONAL, struct config, log, 1, 120),
    CYAML_FIELD_STRING_PTR("socket-group", OPTIONAL, struct config, socket_group, 1, 64),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, config_fields)};
