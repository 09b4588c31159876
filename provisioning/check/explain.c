#include "check/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/io.h"
#include "config/yaml.h"
#include "dkim/domain.h"

enum { FILE_MAX = 1 << 20, ENTRIES_MAX = 10000, DAY_S = 86400 };

struct entry {
    char *rule, *domain, *reason, *owner, *expires;
    int64_t ends_s; /* the first second at which it holds no more */
};

struct explain {
    struct entry *entries;
    unsigned count;
};

#define TEXT(name, field, max) CYAML_FIELD_STRING_PTR(name, CYAML_FLAG_POINTER, struct entry, field, 1, max)
static const cyaml_schema_field_t entry_fields[] = {
    TEXT("rule", rule, 64),    TEXT("domain", domain, 253),  TEXT("reason", reason, 1000),
    TEXT("owner", owner, 200), TEXT("expires", expires, 10), CYAML_FIELD_END,
};
static const cyaml_schema_value_t entry_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct entry, entry_fields)};
static const cyaml_schema_value_t schema = {CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER, struct entry, &entry_value, 0, ENTRIES_MAX)};

/* "YYYY-MM-DD", a day that there is. */
static bool read_day(const char *text, int64_t *ends_s)
{
    struct tm tm = {0}, again;
    if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 ||
        sscanf(text, "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    again = tm;
    time_t t = timegm(&again);
    *ends_s = (int64_t)t + DAY_S;
    return t != -1 && again.tm_mday == tm.tm_mday && again.tm_mon == tm.tm_mon;
}

/* One line that a terminal shows as it is. */
static bool is_plain(const char *s)
{
    for (; *s != '\0'; s++)
        if ((uint8_t)*s < 0x20 || *s == 0x7f || ((uint8_t)s[0] == 0xc2 && (uint8_t)s[1] < 0xa0))
            return false;
    return true;
}

/* What is wrong with this entry, or NULL. */
static const char *fault_of(const struct explain *e, struct entry *x, int64_t now_s)
{
    if (check_find_rule(x->rule) == CHECK_RULES || strcmp(x->rule, check_rules[RULE_EXPLAIN].id) == 0)
        return "rule: there is no such rule";
    if (strcmp(x->domain, "*") != 0 && !domain_is_valid(bytes_str(x->domain)))
        return "domain: is no domain name";
    if (!is_plain(x->reason) || !is_plain(x->owner))
        return "reason, owner: control characters";
    if (!read_day(x->expires, &x->ends_s))
        return "expires: must be a day, as 2027-03-31";
    if (x->ends_s - now_s > (EXPLAIN_MAX_DAYS + 1) * (int64_t)DAY_S)
        return "expires: more than 366 days ahead; an explanation is no exemption";
    for (const struct entry *o = e->entries; o < x; o++)
        if (strcmp(o->rule, x->rule) == 0 && strcasecmp(o->domain, x->domain) == 0)
            return "stands there twice";
    return NULL;
}

int explain_parse(const char *name, struct bytes yaml, int64_t now_s, struct explain **out, struct buf *why)
{
    struct yaml_complaint said;
    cyaml_config_t config = yaml_config(&said);
    struct explain *e = calloc(1, sizeof *e);
    *out = NULL;
    if (e == NULL)
        return ZEGEL_ERR_NOMEM;
    cyaml_err_t err = cyaml_load_data(yaml.data, yaml.len, &config, &schema, (cyaml_data_t **)&e->entries, &e->count);
    if (err != CYAML_OK) {
        yaml_explain(name, &said, err, why);
        free(e);
        return ZEGEL_ERR_CONFIG;
    }
    for (unsigned i = 0; i < e->count; i++) {
        const char *fault = fault_of(e, &e->entries[i], now_s);
        if (fault != NULL) {
            buf_addf(why, "%s: entry %u: %s", name, i + 1, fault);
            explain_free(e);
            return ZEGEL_ERR_CONFIG;
        }
    }
    *out = e;
    return ZEGEL_OK;
}

int explain_load(const char *path, int64_t now_s, struct explain **out, struct buf *why)
{
    struct buf text = BUF_INIT;
    int err = io_read_file(path, FILE_MAX, &text, why);
    if (err == ZEGEL_OK)
        err = explain_parse(path, buf_bytes(&text), now_s, out, why);
    buf_free(&text);
    return err == ZEGEL_OK || err == ZEGEL_ERR_NOMEM ? err : ZEGEL_ERR_CONFIG;
}

void explain_free(struct explain *e)
{
    struct yaml_complaint said;
    cyaml_config_t config = yaml_config(&said);
    if (e == NULL)
        return;
    (void)cyaml_free(&config, &schema, e->entries, e->count);
    free(e);
}

static bool explain_finding(const struct entry *x, struct check *c, struct check_finding *f)
{
    if (f->result != CHECK_FAIL || strcmp(check_rules[f->rule].id, x->rule) != 0)
        return false;
    f->result = CHECK_EXPLAINED;
    if (asprintf(&f->explained, "%s, %s: %s", x->expires, x->owner, x->reason) < 0) {
        f->explained = NULL;
        c->failed = true;
    }
    return true;
}

static void apply_entry(const struct entry *x, struct check *c)
{
    bool all = strcmp(x->domain, "*") == 0;
    unsigned explained = 0, count = c->count;
    if (!all && strcasecmp(x->domain, c->subject->domain) != 0)
        return;
    if (x->ends_s <= c->time_s) {
        check_add(c, RULE_EXPLAIN, CHECK_WARN, MSG_EXPLAIN_EXPIRED, NULL, CHECK_WITH(x->rule, x->expires, x->owner));
        return;
    }
    for (unsigned i = 0; i < count; i++)
        explained += explain_finding(x, c, &c->findings[i]);
    if (explained == 0 && !all)
        check_add(c, RULE_EXPLAIN, CHECK_INFO, MSG_EXPLAIN_UNUSED, NULL, CHECK_WITH(x->rule));
}

void explain_apply(const struct explain *e, struct check *c)
{
    for (unsigned i = 0; e != NULL && i < e->count; i++)
        if (strcmp(e->entries[i].domain, "*") != 0)
            apply_entry(&e->entries[i], c);
    for (unsigned i = 0; e != NULL && i < e->count; i++)
        if (strcmp(e->entries[i].domain, "*") == 0)
            apply_entry(&e->entries[i], c);
}
