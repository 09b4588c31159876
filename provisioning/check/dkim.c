#include "check/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "dkim/keyrecord.h"

enum { BITS_MIN = 2048 };

static char *selector_name(const struct check *c, unsigned k)
{
    char *name;
    return asprintf(&name, "%s._domainkey.%s", c->domain->keys[k].selector, c->domain->domain) < 0 ? NULL : name;
}

void check_dkim_node(struct check *c, const struct check_rule *r)
{
    char name[300];
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    (void)snprintf(name, sizeof name, "_domainkey.%s", c->domain->domain);
    check_ask(c, name, LDNS_RR_TYPE_TXT, &a);
    check_evidence(&evidence, &a);
    if (a.error != NULL)
        check_add(c, r, CHECK_FAIL, &evidence, "%s: %s", name, a.error);
    else
        check_add(c, r, a.rcode == LDNS_RCODE_NOERROR ? CHECK_PASS : CHECK_FAIL, &evidence, "%s: %s", name,
                  observe_rcode_name(a.rcode));
    observe_answer_clear(&a);
}

/* What is wrong with this record for a key of that algorithm, or NULL; *result says how bad it is. */
static const char *record_fault(const char *txt, const struct config_key *key, enum check_result *result)
{
    struct sigheader sig = {.algorithm = key->algorithm == CONFIG_RSA_SHA256 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256};
    struct keyrecord record = {0};
    const char *fault = NULL;
    enum keyrecord_error e = keyrecord_parse(bytes_str(txt), &sig, &record);
    *result = CHECK_FAIL;
    if (e != KEYRECORD_OK)
        return keyrecord_strerror(e);
    if (digest_key_type(record.key) == DIGEST_KEY_RSA && digest_key_bits(record.key) < BITS_MIN) {
        fault = "fewer than 2048 bits";
    } else if (record.testing) {
        fault = "t=y: receivers may ignore it";
        *result = CHECK_WARN;
    }
    digest_key_free(record.key);
    return fault;
}

static void judge_record(struct check *c, const struct check_rule *r, unsigned k, const struct observe_answer *a)
{
    struct buf evidence = BUF_INIT;
    enum check_result result = CHECK_PASS;
    check_evidence(&evidence, a);
    const char *fault = a->error;
    if (fault == NULL && a->count != 1)
        fault = a->count == 0 ? "no record" : "more than one record";
    if (fault != NULL)
        result = CHECK_FAIL;
    else if ((fault = record_fault(a->records[0], &c->domain->keys[k], &result)) == NULL)
        result = CHECK_PASS;
    check_add(c, r, result, &evidence, "%s: %s", a->name, fault == NULL ? "a good key" : fault);
}

void check_dkim_record(struct check *c, const struct check_rule *r)
{
    for (unsigned k = 0; k < c->domain->keys_count; k++) {
        struct observe_answer a = {0};
        char *name = selector_name(c, k);
        if (name == NULL) {
            c->failed = true;
            return;
        }
        check_ask(c, name, LDNS_RR_TYPE_TXT, &a);
        if (!c->failed)
            judge_record(c, r, k, &a);
        observe_answer_clear(&a);
        free(name);
    }
}

/* All servers that do not merely point on have one record, and the same one. */
static bool same(const struct observe_answers *all, const struct observe_answer **odd)
{
    const struct observe_answer *first = NULL;
    for (unsigned i = 0; i < all->count; i++) {
        const struct observe_answer *a = &all->list[i];
        *odd = a;
        if (a->error != NULL || (a->count != 1 && a->alias == NULL))
            return false;
        if (a->count == 1 && first == NULL)
            first = a;
        if (a->count == 1 && strcmp(first->records[0], a->records[0]) != 0)
            return false;
    }
    return first != NULL;
}

void check_dkim_servers(struct check *c, const struct check_rule *r)
{
    for (unsigned k = 0; k < c->domain->keys_count; k++) {
        struct observe_answers all = {0};
        const struct observe_answer *odd = NULL;
        struct buf evidence = BUF_INIT;
        char *name = selector_name(c, k);
        if (name == NULL || observe_servers(c->observe, name, LDNS_RR_TYPE_TXT, &all) != ZEGEL_OK) {
            c->failed = true;
        } else {
            for (unsigned i = 0; i < all.count; i++)
                check_evidence(&evidence, &all.list[i]);
            if (same(&all, &odd))
                check_add(c, r, CHECK_PASS, &evidence, "%s: the same on %u addresses", name, all.count);
            else
                check_add(c, r, CHECK_FAIL, &evidence, "%s: %s: %s", name, odd == NULL || odd->server == NULL ? "-" : odd->server,
                          odd != NULL && odd->error != NULL ? odd->error : "not the record that others have");
        }
        buf_free(&evidence);
        observe_answers_clear(&all);
        free(name);
    }
}

void check_dkim_dnssec(struct check *c, const struct check_rule *r)
{
    for (unsigned k = 0; k < c->domain->keys_count; k++) {
        struct observe_answer a = {0};
        struct buf evidence = BUF_INIT;
        char *name = selector_name(c, k);
        if (name == NULL) {
            c->failed = true;
            return;
        }
        check_ask(c, name, LDNS_RR_TYPE_TXT, &a);
        check_evidence(&evidence, &a);
        check_add(c, r, a.error == NULL && a.security == OBSERVE_SECURE ? CHECK_PASS : CHECK_FAIL, &evidence, "%s: %s", name,
                  a.error != NULL ? a.error : observe_security_name(a.security));
        observe_answer_clear(&a);
        free(name);
    }
}

void check_dkim_wildcard(struct check *c, const struct check_rule *r)
{
    char name[320];
    struct observe_answer a;
    struct buf evidence = BUF_INIT;
    (void)snprintf(name, sizeof name, "no-such-selector-of-zegel._domainkey.%s", c->domain->domain);
    check_ask(c, name, LDNS_RR_TYPE_TXT, &a);
    check_evidence(&evidence, &a);
    if (a.error != NULL)
        check_add(c, r, CHECK_FAIL, &evidence, "%s: %s", name, a.error);
    else
        check_add(c, r, a.count == 0 ? CHECK_PASS : CHECK_WARN, &evidence, "%s: %s", name,
                  a.count == 0 ? "no record, as it should be" : "a record: *._domainkey hides selectors that are missing");
    observe_answer_clear(&a);
}
