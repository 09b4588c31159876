#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/io.h"
#include "config/check.h"
#include "config/rotation.h"
#include "config/schema.h"
#include "config/senders.h"
#include "config/yaml.h"

enum { CONFIG_FILE_MAX = 256 * 1024 * 1024 };

/* Any of our files against its schema; *count for one that is a list. */
static int load_as(const cyaml_schema_value_t *schema, const char *name, struct bytes yaml, cyaml_data_t **out, unsigned *count,
                   struct buf *why)
{
    struct yaml_complaint complaint;
    cyaml_config_t cfg = yaml_config(&complaint);
    *out = NULL;
    cyaml_err_t e = cyaml_load_data(yaml.data, yaml.len, &cfg, schema, out, count);
    if (e == CYAML_OK && (*out != NULL || count != NULL)) /* a list may be empty */
        return ZEGEL_OK;
    yaml_explain(name, &complaint, e, why);
    return ZEGEL_ERR_CONFIG;
}

static int load(const char *name, struct bytes yaml, struct config **out, struct buf *why)
{
    cyaml_data_t *data;
    int err = load_as(&config_schema, name, yaml, &data, NULL, why);
    *out = data;
    return err;
}

static int take_active(struct config *c, struct bytes yaml, struct buf *why)
{
    struct yaml_complaint ignored;
    cyaml_config_t cfg = yaml_config(&ignored);
    cyaml_data_t *list = NULL;
    unsigned count = 0;
    if (yaml.len == 0)
        return ZEGEL_OK; /* no key signs yet */
    int err = load_as(&config_active_schema, CONFIG_ACTIVE_NAME, yaml, &list, &count, why);
    if (err == ZEGEL_OK)
        rotation_take(c, list, count);
    (void)cyaml_free(&cfg, &config_active_schema, list, count);
    return err;
}

/* The first of the texts that config_read put together. */
static struct bytes first_text(struct bytes all)
{
    return bytes_slice(all, 0, all.data == NULL ? 0 : bytes_find(all, '\0'));
}

/* The next one. False when there is none. */
static bool next_text(struct bytes *rest, struct bytes *text)
{
    size_t end = first_text(*rest).len;
    bool more = end < rest->len;
    *rest = bytes_slice(*rest, end + 1, rest->len);
    *text = first_text(*rest);
    return more;
}

/* The YAML; behind a NUL the senders table, if it names one; behind another active.yaml, if a domain rotates. */
int config_parse(const char *name, struct bytes text, struct config **out, struct buf *why)
{
    struct bytes rest = text, part;
    struct config *c = NULL;
    *out = NULL;
    int err = load(name, first_text(text), &c, why);
    if (err == ZEGEL_OK)
        err = rotation_keys_check(c, name, why);
    if (err == ZEGEL_OK && c->senders_table != NULL)
        err = next_text(&rest, &part) ? senders_add_table(c, c->senders_table, part, why)
                                      : config_bad(why, name, "senders-table", c->senders_table, "was not read with it");
    if (err == ZEGEL_OK && rotation_any(c))
        err = next_text(&rest, &part) ? take_active(c, part, why)
                                      : config_bad(why, name, "rotation", CONFIG_ACTIVE_NAME, "was not read with it");
    if (err == ZEGEL_OK && next_text(&rest, &part))
        err = config_bad(why, name, "NUL", "octet", "does not belong into a configuration");
    if (err == ZEGEL_OK)
        err = config_check(c, name, why);
    if (err == ZEGEL_OK)
        *out = c;
    else
        config_free(c);
    return err;
}

/* One more text, behind a NUL; it must not have one itself. */
static int append(const char *path, struct buf *text, struct buf *why)
{
    buf_add_u8(text, '\0');
    size_t from = text->len;
    if (io_read_file(path, CONFIG_FILE_MAX, text, why) != ZEGEL_OK)
        return ZEGEL_ERR_CONFIG;
    if (bytes_find(bytes_slice(buf_bytes(text), from, text->len), '\0') == text->len - from)
        return ZEGEL_OK;
    buf_addf(why, "%s: has a NUL octet", path);
    return ZEGEL_ERR_CONFIG;
}

/* No such file: no key signs yet. It lies in a directory that is ours alone; a link is not followed out of it. */
static int append_active(const struct config *c, struct buf *text, struct buf *why)
{
    struct buf path = BUF_INIT;
    struct stat st = {0};
    int err = ZEGEL_OK;
    buf_addf(&path, "%s/%s", c->state == NULL ? CONFIG_DEFAULT_STATE : c->state, CONFIG_ACTIVE_NAME);
    bool there = lstat(buf_cstr(&path), &st) == 0;
    if (!there && errno == ENOENT) {
        buf_add_u8(text, '\0');
    } else if (!there) {
        buf_addf(why, "%s: %s", buf_cstr(&path), strerror(errno));
        err = ZEGEL_ERR_CONFIG;
    } else if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        buf_addf(why, "%s: is no file that only its owner can write", buf_cstr(&path));
        err = ZEGEL_ERR_CONFIG;
    } else {
        err = append(buf_cstr(&path), text, why);
    }
    buf_free(&path);
    return err;
}

static bool mentions(struct bytes yaml, const char *key)
{
    return yaml.len > 0 && memmem(yaml.data, yaml.len, key, strlen(key)) != NULL;
}

static int read_all(const char *path, bool with_active, struct buf *text, struct buf *why)
{
    struct config *c = NULL;
    if (io_read_file(path, CONFIG_FILE_MAX, text, why) != ZEGEL_OK)
        return ZEGEL_ERR_CONFIG;
    struct bytes yaml = buf_bytes(text);
    if (bytes_find(yaml, '\0') < yaml.len) {
        buf_addf(why, "%s: has a NUL octet", path);
        return ZEGEL_ERR_CONFIG;
    }
    if (!mentions(yaml, "senders-table") && !mentions(yaml, "rotation"))
        return ZEGEL_OK; /* the usual case: parsed once */
    int err = load(path, yaml, &c, why);
    if (err == ZEGEL_OK && c->senders_table != NULL)
        err = append(c->senders_table, text, why);
    if (err == ZEGEL_OK && rotation_any(c) && with_active)
        err = append_active(c, text, why);
    else if (err == ZEGEL_OK && rotation_any(c))
        buf_add_u8(text, '\0');
    config_free(c);
    return err;
}

int config_read(const char *path, struct buf *text, struct buf *why)
{
    return read_all(path, true, text, why);
}

static int load_all(const char *path, bool with_active, struct config **out, struct buf *why)
{
    struct buf content = BUF_INIT;
    *out = NULL;
    int err = ZEGEL_ERR_CONFIG;
    if (read_all(path, with_active, &content, why) == ZEGEL_OK)
        err = config_parse(path, buf_bytes(&content), out, why);
    buf_free(&content);
    return err;
}

int config_load(const char *path, struct config **out, struct buf *why)
{
    return load_all(path, true, out, why);
}

int config_load_inactive(const char *path, struct config **out, struct buf *why)
{
    return load_all(path, false, out, why);
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

struct sigheader_params config_sigheader(const struct config_domain *d, const struct config_key *k, int64_t now)
{
    return (struct sigheader_params){
        .algorithm = k->algorithm == CONFIG_RSA_SHA256 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256,
        .relaxed_header = d->relaxed_header,
        .relaxed_body = d->relaxed_body,
        .domain = bytes_str(d->domain),
        .selector = bytes_str(k->selector),
        .identity = bytes_str(d->identity),
        .timestamp = now,
        .expire = d->expire_s > 0 ? now + d->expire_s : 0,
    };
}
