#include "config/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const cyaml_strval_t yaml_answers[YAML_ANSWERS] = {{"no", false}, {"yes", true}, {"false", false}, {"true", true}};

/* libcyaml tells what is wrong in one message and where in the following ones ("line: N"): keep the first of each. */
static void collect(cyaml_log_t level, void *ctx, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
static void collect(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    struct yaml_complaint *c = ctx;
    char text[256];
    if (level < CYAML_LOG_ERROR || vsnprintf(text, sizeof text, fmt, args) < 0)
        return;
    const char *line = strstr(text, "line: "), *field = strstr(text, "in mapping field '");
    if (field != NULL && c->field[0] == '\0')
        (void)sscanf(field, "in mapping field '%63[^']", c->field);
    if (line != NULL && c->line == 0)
        c->line = (unsigned)strtoul(line + strlen("line: "), NULL, 10);
    if (c->text[0] == '\0' && line == NULL) {
        const char *from = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
        (void)snprintf(c->text, sizeof c->text, "%.*s", (int)strcspn(from, "\n"), from);
    }
}

cyaml_config_t yaml_config(struct yaml_complaint *c)
{
    *c = (struct yaml_complaint){.line = 0};
    return (cyaml_config_t){.log_level = CYAML_LOG_ERROR, .log_fn = collect, .log_ctx = c, .mem_fn = cyaml_mem};
}

void yaml_explain(const char *name, const struct yaml_complaint *c, cyaml_err_t e, struct buf *why)
{
    bool named = c->field[0] == '\0' || strstr(c->text, c->field) != NULL;
    buf_addf(why, "%s:%u: %s%s%s", name, c->line, named ? "" : c->field, named ? "" : ": ",
             c->text[0] != '\0' ? c->text
             : e == CYAML_OK    ? "the file is empty"
                                : cyaml_strerror(e));
}
