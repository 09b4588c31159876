#include "status/lastcheck.h"

#include "base/err.h"
#include "base/io.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

const char *lastcheck_name(enum lastcheck_result r)
{
    static const char *const names[LASTCHECK_RESULTS] = {"PASS", "INFO", "WARN", "EXPLAINED", "FAIL"};
    return names[r];
}

/* The domain as the configuration has it; NULL: it has it not. */
static const char *known(const struct config *c, const char *domain)
{
    const struct config_domain *d = config_find_domain(c, bytes_str(domain));
    if (d != NULL && strcmp(d->domain, domain) == 0)
        return d->domain;
    for (unsigned i = 0; i < c->check.non_sending_count; i++)
        if (strcmp(c->check.non_sending[i], domain) == 0)
            return c->check.non_sending[i];
    return NULL;
}

static void take(const struct config *c, const json_t *o, struct lastcheck *out)
{
    const char *domain = json_string_value(json_object_get(o, "domain")), *worst = json_string_value(json_object_get(o, "worst"));
    const char *name = domain == NULL || worst == NULL ? NULL : known(c, domain);
    for (int r = 0; name != NULL && r < LASTCHECK_RESULTS; r++) {
        if (strcmp(worst, lastcheck_name((enum lastcheck_result)r)) != 0)
            continue;
        out->counts[r]++;
        if (r == LASTCHECK_FAIL && out->failed_count < LASTCHECK_SHOWN)
            out->failed[out->failed_count++] = name;
    }
}

static json_t *load(const struct config *c, const char *name)
{
    struct buf path = BUF_INIT, text = BUF_INIT, why = BUF_INIT;
    buf_addf(&path, "%s/status/%s", c->state, name);
    json_t *j = io_read_file(buf_cstr(&path), FILE_MAX, &text, &why) == ZEGEL_OK
                    ? json_loadb((const char *)text.data, text.len, 0, NULL)
                    : NULL;
    buf_free(&path);
    buf_free(&text);
    buf_free(&why);
    return j;
}

void lastcheck_read(const struct config *c, struct lastcheck *out)
{
    json_t *j = load(c, "check.json");
    const json_t *all = json_object_get(j, "domains");
    *out = (struct lastcheck){.time_s = json_integer_value(json_object_get(j, "time"))};
    for (size_t i = 0; i < json_array_size(all); i++)
        take(c, json_array_get(all, i), out);
    json_decref(j);
}

json_t *lastcheck_logs(const struct config *c)
{
    return load(c, "reconcile.json");
}

void lastcheck_token(const json_t *logs, const char *token, struct lastcheck_token *out)
{
    const json_t *one = json_object_get(logs, token);
    out->time_s = json_integer_value(json_object_get(one, "time"));
    out->differences = json_integer_value(json_object_get(one, "differences"));
}
