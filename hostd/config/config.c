#include "config/config.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/io.h"
#include "config/check.h"
#include "config/schema.h"
#include "config/senders.h"
#include "config/yaml.h"

enum { CONFIG_FILE_MAX = 256 * 1024 * 1024 };

static int load(const char *name, struct bytes yaml, struct config **out, struct buf *why)
{
    struct yaml_complaint complaint;
    cyaml_config_t cfg = yaml_config(&complaint);
    struct config *c = NULL;
    *out = NULL;
    cyaml_err_t e = cyaml_load_data(yaml.data, yaml.len, &cfg, &config_schema, (cyaml_data_t **)&c, NULL);
    if (e != CYAML_OK || c == NULL) {
        yaml_explain(name, &complaint, e, why);
        config_free(c);
        return ZEGEL_ERR_CONFIG;
    }
    *out = c;
    return ZEGEL_OK;
}

/* What config_read puts together: the YAML, and behind a NUL the senders table. */
int config_parse(const char *name, struct bytes text, struct config **out, struct buf *why)
{
    size_t end = bytes_find(text, '\0');
    struct config *c = NULL;
    *out = NULL;
    int err = load(name, bytes_slice(text, 0, end), &c, why);
    if (err == ZEGEL_OK && (c->senders_table != NULL) != (end < text.len))
        err = config_bad(why, name, "senders-table", c->senders_table == NULL ? "NUL" : c->senders_table, "was not read with it");
    if (err == ZEGEL_OK && c->senders_table != NULL)
        err = senders_add_table(c, c->senders_table, bytes_slice(text, end + 1, text.len), why);
    if (err == ZEGEL_OK)
        err = config_check(c, name, why);
    if (err == ZEGEL_OK)
        *out = c;
    else
        config_free(c);
    return err;
}

int config_read(const char *path, struct buf *text, struct buf *why)
{
    static const char key[] = "senders-table";
    struct config *c = NULL;
    if (io_read_file(path, CONFIG_FILE_MAX, text, why) != ZEGEL_OK)
        return ZEGEL_ERR_CONFIG;
    struct bytes yaml = buf_bytes(text);
    if (bytes_find(yaml, '\0') < yaml.len) {
        buf_addf(why, "%s: has a NUL octet", path);
        return ZEGEL_ERR_CONFIG;
    }
    if (yaml.len == 0 || memmem(yaml.data, yaml.len, key, sizeof key - 1) == NULL)
        return ZEGEL_OK; /* the usual case: parsed once */
    int err = load(path, yaml, &c, why);
    if (err == ZEGEL_OK && c->senders_table != NULL) {
        buf_add_u8(text, '\0');
        if (io_read_file(c->senders_table, CONFIG_FILE_MAX, text, why) != ZEGEL_OK)
            err = ZEGEL_ERR_CONFIG;
    }
    config_free(c);
    return err;
}

int config_load(const char *path, struct config **out, struct buf *why)
{
    struct buf content = BUF_INIT;
    *out = NULL;
    int err = ZEGEL_ERR_CONFIG;
    if (config_read(path, &content, why) == ZEGEL_OK)
        err = config_parse(path, buf_bytes(&content), out, why);
    buf_free(&content);
    return err;
}

void config_free(struct config *c)
{
    struct yaml_complaint ignored;
    cyaml_config_t cfg = yaml_config(&ignored);
    if (c != NULL)
        (void)cyaml_free(&cfg, &config_schema, c, 0);
}

const struct config_domain *config_find_domain(const struct config *c, struct bytes domain)
{
    struct bytes name = domain;
    for (;;) {
        const struct config_domain *d = config_domain_exact(c, name);
        if (d != NULL && (d->subdomains || name.len == domain.len))
            return d;
        size_t dot = bytes_find(name, '.');
        if (dot == name.len)
            return NULL;
        name = bytes_slice(name, dot + 1, name.len);
    }
}

int64_t config_duration_ms(const char *text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    int64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && n < 1000000000; p++)
        n = n * 10 + (*p - '0');
    if (p == text)
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(p, units[i].unit) == 0)
            return n * units[i].ms;
    return -1;
}
